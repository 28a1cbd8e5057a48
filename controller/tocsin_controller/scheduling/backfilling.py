"""Runs for instants of the past, a few at a time.

A backfill goes on by entries in the outbox: each deals with some instants and notes the next look. An instant's run has
the id that the schedule would have given it, so whatever ran already is found by its key, and nothing can run twice
(G1). One that is recorded as skipped keeps that record; its backfilled run has an id of its own, made of job and
instant as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from tocsin_controller.definitions import Definitions
from tocsin_controller.hints import EVENTS, OUTBOX, Hints
from tocsin_controller.scheduling.fires import fires_between
from tocsin_controller.scheduling.named_calendars import load_calendars, names_used
from tocsin_controller.scheduling.timing import Timing, timing_of
from tocsin_controller.store.backfills import (
    add_backfill_runs,
    lock_backfill,
    move_backfill,
    open_backfill_runs,
    run_states,
)
from tocsin_controller.store.database import Queries, Record, Session
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.jobs import share_job
from tocsin_controller.store.launching import count_open_runs
from tocsin_controller.store.outbox import OutboxEntry, add_to_outbox
from tocsin_controller.workflow.causes import trigger_of
from tocsin_controller.workflow.launch import Announce, Launched, agents_for, launch_gated, plan_run
from tocsin_controller.workflow.outbox import AfterCommit
from tocsin_shared.executions import RunStatus
from tocsin_shared.gates import Overlap
from tocsin_shared.ids import occurrence_id
from tocsin_shared.jobs import JobDefinition

#: The kind of entry in the outbox.
BACKFILL: Final = "backfill"
#: Instants that are looked at in one transaction.
AT_A_TIME: Final = 500
#: Until its open runs are looked at again.
LOOK_SECS: Final = 0.25

_MICROSECOND = timedelta(microseconds=1)
_SKIPPED: Final = RunStatus.SKIPPED.value


@dataclass(frozen=True, slots=True)
class Owed:
    """What becomes of some instants of a range."""

    #: Those to run, each with the id of its run.
    runs: tuple[tuple[datetime, UUID], ...]
    left_out: int


def second_id(job_id: UUID, instant: datetime) -> UUID:
    """The id of the backfilled run of an instant that is recorded as skipped."""
    return occurrence_id(UUID(int=job_id.int ^ 1), instant)


async def owed(db: Queries, job_id: UUID, instants: Sequence[datetime], *, include_skipped: bool) -> Owed:
    """Which of these instants have no run yet."""
    ids = {instant: (occurrence_id(job_id, instant), second_id(job_id, instant)) for instant in instants}
    states = await run_states(db, [run_id for pair in ids.values() for run_id in pair])
    runs = []
    for instant, (first, second) in ids.items():
        if first not in states:
            runs.append((instant, first))
        elif states[first] == _SKIPPED and include_skipped and second not in states:
            runs.append((instant, second))
    return Owed(tuple(runs), len(instants) - len(runs))


def instants_of(timing: Timing, after: datetime, until: datetime, limit: int) -> list[datetime]:
    """Instants strictly after `after`, up to and including `until`."""
    return fires_between(timing, after, until, limit)


def before(instant: datetime) -> datetime:
    """What comes right before it."""
    return instant - _MICROSECOND


class Backfiller:
    """Goes on with backfills."""

    def __init__(self, hints: Hints, definitions: Definitions, announce: Announce) -> None:
        self._hints = hints
        self._definitions = definitions
        self._announce_launched = announce

    async def handle(self, session: Session, entries: Sequence[OutboxEntry]) -> AfterCommit | None:
        """See `workflow.outbox.Handler`."""
        launched: list[Launched] = []
        for backfill_id in sorted({UUID(entry.payload["id"]) for entry in entries}):
            row = await lock_backfill(session, backfill_id)
            if row is not None and row["status"] == "running":
                launched += await self._step(session, row)
        return lambda: self._announce(launched)

    async def _step(self, session: Session, row: Record) -> list[Launched]:
        stored = await share_job(session, row["job_id"])
        job = await self._definitions.get(session, (row["job_id"], row["job_version"]))
        if stored is None or not isinstance(job, JobDefinition):
            await move_backfill(session, row["id"], row["cursor_at"], status="cancelled")
            return []
        open_runs = await open_backfill_runs(session, row["id"], row["job_id"])
        free = row["max_concurrent"] - len(open_runs)
        if job.max_concurrent and job.overlap is Overlap.SKIP:
            # More would be skipped; they wait here for their turn instead.
            count = (await count_open_runs(session, [row["job_id"]])).get(row["job_id"], 0)
            free = min(free, job.max_concurrent - count)
        calendars = await load_calendars(session, names_used(job))
        timing = timing_of(job, row["anchor"], calendars)
        instants = instants_of(timing, row["cursor_at"], row["to_at"], AT_A_TIME) if free > 0 else []
        if free > 0 and not instants:
            await self._finish_if_over(session, row, job, has_open=bool(open_runs))
            return []
        found = await owed(session, row["job_id"], instants, include_skipped=row["include_skipped"])
        taken = found.runs[: max(free, 0)]
        # Of more than there is room for, those from the first one that has to wait are looked at again.
        rest = found.runs[len(taken) :]
        dealt_with = [instant for instant in instants if not rest or instant < rest[0][0]]
        launched = await self._launch(session, row, job, taken)
        cursor_at = dealt_with[-1] if dealt_with else row["cursor_at"]
        await move_backfill(session, row["id"], cursor_at, len(dealt_with) - len(taken))
        is_at_once = len(instants) == AT_A_TIME and not rest
        delay_secs = 0.0 if is_at_once else LOOK_SECS
        await add_to_outbox(session, BACKFILL, [{"id": str(row["id"])}], delay_secs=delay_secs)
        return [launched]

    async def _launch(
        self, session: Session, row: Record, job: JobDefinition, taken: Sequence[tuple[datetime, UUID]]
    ) -> Launched:
        agents = await agents_for(session, [job])
        trigger = trigger_of("backfill", backfill_id=row["id"], by=row["created_by"])
        runs = [
            plan_run(
                row["job_id"],
                row["job_version"],
                job,
                trigger=trigger,
                scheduled_for=instant,
                agents=agents,
            )._replace(id=run_id)
            for instant, run_id in taken
        ]
        launched = await launch_gated(session, runs)
        await add_backfill_runs(session, row["id"], list(launched.runs))
        return launched

    async def _finish_if_over(
        self, session: Session, row: Record, job: JobDefinition, *, has_open: bool
    ) -> None:
        if has_open:
            await add_to_outbox(session, BACKFILL, [{"id": str(row["id"])}], delay_secs=LOOK_SECS)
            return
        await move_backfill(session, row["id"], row["to_at"], status="done")
        message = f"The backfill of job '{job.name}' has ended"
        await add_events(session, [NewEvent("backfill.completed", "info", message, job_id=row["job_id"])])

    def _announce(self, launched: Sequence[Launched]) -> None:
        for one in launched:
            self._announce_launched(one)
        self._hints.hint(OUTBOX, everywhere=False)
        self._hints.hint(EVENTS)
