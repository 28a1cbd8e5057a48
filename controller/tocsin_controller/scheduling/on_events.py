"""Jobs that events start: which events, and when a chain of them has to stop.

Whoever writes an event notes it in the outbox when a job may care (`store/sql/insert_events.sql`). The handler here
starts the jobs, in the transaction that deletes the note: each event starts each job once.

A job started by an event may cause further events, and they may start it again. Three limits end that, each with a
skipped run that says so and an event that starts nothing:

- a job that is in the chain of causes so many times already (`event_loop_limit`);
- a chain of `LONGEST_CHAIN` runs, however many jobs it goes through;
- a job that is in the chain at all, once the first event has brought about `MOST_RUNS` runs: a loop that branches has
  grown too large by then, though no branch is long.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from tocsin_controller.definitions import Definitions
from tocsin_controller.hints import EVENTS, OUTBOX, Hints
from tocsin_controller.scheduling.blackouts import UnreadableCalendar, blackout_around
from tocsin_controller.scheduling.named_calendars import Calendars, load_calendars
from tocsin_controller.store.agents import AgentFacts
from tocsin_controller.store.database import Session
from tocsin_controller.store.event_triggers import (
    EventSource,
    count_event_runs,
    event_sources,
    jobs_for_event,
    jobs_in_blackout,
)
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.launching import PlannedRun
from tocsin_controller.store.outbox import OutboxEntry, add_to_outbox
from tocsin_controller.workflow.causes import Parent, depth, times_in_chain, trigger_of
from tocsin_controller.workflow.dependencies import missing_dependencies
from tocsin_controller.workflow.launch import (
    Announce,
    Launched,
    agents_for,
    launch_gated,
    plan_run,
    plan_skip,
)
from tocsin_controller.workflow.outbox import AfterCommit
from tocsin_shared.calendars import Blackout
from tocsin_shared.event_schedules import EventSchedule
from tocsin_shared.executions import Reason, RunStatus
from tocsin_shared.jobs import JobDefinition

#: The kind of entry in the outbox.
EVENT: Final = "event"
#: What is told of a stopped chain; it starts nothing itself.
LOOP_STOPPED: Final = "job.loop_stopped"
LONGEST_CHAIN: Final = 100
MOST_RUNS: Final = 1000
#: So many jobs are started by one event in one transaction.
JOBS_AT_A_TIME: Final = 200

_FIRST: Final = UUID(int=0)
_SHOWN_CHARS: Final = 500


def like_of(kind_pattern: str) -> str:
    r"""The SQL LIKE pattern of a kind pattern.

    >>> like_of("sla.*"), like_of("job_*"), like_of("*")
    ('sla.%', 'job\\_%', '%')
    """
    escaped = kind_pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"{escaped.removesuffix('*')}%" if escaped.endswith("*") else escaped


def is_meant(job: JobDefinition, event: EventSource) -> bool:
    """Whether an event of the right kind and severity starts this job: its name filter and its window."""
    if not isinstance(job.schedule, EventSchedule):
        return False
    if job.starts_at is not None and event.at < job.starts_at:
        return False
    if job.expires_at is not None and event.at > job.expires_at:
        return False
    wanted = (job.schedule.value.job_name_filter or "").casefold()
    return wanted in (event.job_name or "").casefold() or wanted in event.message.casefold()


def why_stop(trigger: dict[str, Any], job_id: UUID, runs_of_root: int, loop_limit: int) -> str | None:
    """Why a chain of causes does not go on with this job, in a sentence."""
    times = times_in_chain(trigger, job_id)
    if times >= loop_limit:
        return f"events led back to this job {times} times; the limit is {loop_limit} (event_loop_limit)"
    if depth(trigger) >= LONGEST_CHAIN:
        return f"the chain of events is {depth(trigger)} runs long"
    if times and runs_of_root >= MOST_RUNS:
        return f"one event led to {runs_of_root} runs, and back to this job"
    return None


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """What is looked up once for all jobs of an event."""

    agents: Sequence[AgentFacts]
    missing: dict[UUID, str]
    calendars: Calendars
    #: Jobs of which a run waits for the end of a blackout.
    waiting: Collection[UUID]
    runs_of_root: int


class EventStarter:
    """Starts jobs because of events."""

    def __init__(
        self,
        hints: Hints,
        definitions: Definitions,
        announce: Announce,
        *,
        loop_limit: int,
    ) -> None:
        self._hints = hints
        self._definitions = definitions
        self._announce_launched = announce
        self._loop_limit = loop_limit

    async def handle(self, session: Session, entries: Sequence[OutboxEntry]) -> AfterCommit | None:
        """See `workflow.outbox.Handler`."""
        after = {
            UUID(entry.payload["event_id"]): UUID(entry.payload.get("after", _FIRST.hex)) for entry in entries
        }
        events = await event_sources(session, list(after))
        launched = [await self._start(session, event, after[event.id]) for event in events]
        return lambda: self._announce(launched)

    async def _start(self, session: Session, event: EventSource, after: UUID) -> Launched:
        keys = await jobs_for_event(session, event.kind, event.severity, after, JOBS_AT_A_TIME)
        if len(keys) == JOBS_AT_A_TIME:
            rest = {"event_id": str(event.id), "after": str(keys[-1][0])}
            await add_to_outbox(session, EVENT, [rest])
        found = await self._definitions.get_many(session, keys)
        jobs = {
            key: job for key, job in found.items() if isinstance(job, JobDefinition) and is_meant(job, event)
        }
        if not jobs:
            return Launched({}, {})
        trigger = _trigger(event)
        around = await _surroundings(session, jobs, UUID(trigger["root"]))
        runs = [
            self._plan(job_id, version, job, event, trigger, around)
            for (job_id, version), job in sorted(jobs.items())
        ]
        launched = await launch_gated(session, runs)
        stopped = [run for run in runs if run.reason is Reason.LOOP]
        await add_events(session, [_told(run, jobs[run.job_id, run.job_version].name) for run in stopped])
        return launched

    def _plan(
        self,
        job_id: UUID,
        version: int,
        job: JobDefinition,
        event: EventSource,
        trigger: dict[str, Any],
        around: _Surroundings,
    ) -> PlannedRun:
        if (why := why_stop(trigger, job_id, around.runs_of_root, self._loop_limit)) is not None:
            return plan_skip(job_id, version, None, trigger, Reason.LOOP, why)
        if (missing := around.missing.get(job_id)) is not None:
            return plan_skip(job_id, version, None, trigger, Reason.DEPENDENCY, missing)
        try:
            stretch = blackout_around(job, around.calendars, event.at)
        except UnreadableCalendar as error:
            return plan_skip(job_id, version, None, trigger, Reason.BLACKOUT, str(error))
        if stretch is not None and (stretch.policy is Blackout.SKIP or job_id in around.waiting):
            is_later = stretch.policy is Blackout.DEFER
            why = f"due in {stretch.why}" + ("; an earlier run waits for its end" if is_later else "")
            return plan_skip(job_id, version, None, trigger, Reason.BLACKOUT, why)
        run = plan_run(job_id, version, job, trigger=trigger, agents=around.agents)
        if stretch is None or not run.executions:
            return run
        message = f"waits until {stretch.end:%Y-%m-%d %H:%M:%S} UTC: {stretch.why}"
        return run._replace(ready_at=stretch.end, reason=Reason.BLACKOUT, message=message)

    def _announce(self, launched: Sequence[Launched]) -> None:
        for one in launched:
            self._announce_launched(one)
        if any(run.status is RunStatus.SKIPPED for one in launched for run in one.runs.values()):
            self._hints.hint(EVENTS)
        self._hints.hint(OUTBOX, everywhere=False)


async def _surroundings(
    session: Session, jobs: dict[tuple[UUID, int], JobDefinition], root_id: UUID
) -> _Surroundings:
    names = {name for job in jobs.values() for name in job.blackouts}
    job_ids = [job_id for job_id, _ in jobs]
    waiting = [job_id for (job_id, _), job in jobs.items() if job.depends_on]
    return _Surroundings(
        agents=await agents_for(session, jobs.values()),
        missing=await missing_dependencies(session, waiting),
        calendars=await load_calendars(session, names),
        waiting=await jobs_in_blackout(session, job_ids) if names else (),
        runs_of_root=await count_event_runs(session, root_id, len(jobs)),
    )


def _trigger(event: EventSource) -> dict[str, Any]:
    """Why the jobs run: this event, and what led to it. `root` is the event that all of it began with."""
    parent = None
    if event.run_id is not None and event.run_job_id is not None:
        parent = Parent(event.run_job_id, event.run_id, event.trigger or {})
    root = (event.trigger or {}).get("root") or event.id
    return trigger_of(
        "event",
        parent,
        event_id=event.id,
        event_kind=event.kind,
        severity=event.severity,
        message=event.message[:_SHOWN_CHARS],
        root=root,
    )


def _told(run: PlannedRun, name: str) -> NewEvent:
    return NewEvent(
        kind=LOOP_STOPPED,
        severity="warning",
        message=f"Job '{name}' was not started again: {run.message}",
        job_id=run.job_id,
        run_id=run.id,
    )
