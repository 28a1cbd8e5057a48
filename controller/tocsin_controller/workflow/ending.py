"""The one place where executions end, whoever says so: result, cancel, timeout of the queue, loss.

Everything that an end entails is written in the caller's transaction: the execution, its run, the next attempt,
the event (G5, G7). What must wait for the commit is returned as an Aftermath, for `announce`.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from tocsin_controller.definitions import BrokenDefinition, Definitions, VersionKey
from tocsin_controller.hints import EVENTS, OUTBOX, PLACES, Hints, output_topic
from tocsin_controller.isolation import write_apart
from tocsin_controller.store.database import HeldSession, Queries, Session
from tocsin_controller.store.doubts import Uncertain
from tocsin_controller.store.ending import (
    Finish,
    PlainEnds,
    Retry,
    RunDelta,
    count_lost_before,
    end_plain,
    finish_executions,
    lock_runs,
    queue_retries,
    settle_runs,
)
from tocsin_controller.store.events import NewEvent, Severity, add_events
from tocsin_controller.store.jobs import keep_jobs
from tocsin_controller.store.leasing import (
    Handed,
    Lane,
    Lease,
    NewWork,
    Work,
    add_work,
    lock_leases,
    withdraw,
)
from tocsin_controller.store.limiting import wake_limited
from tocsin_controller.store.places import free_places
from tocsin_controller.store.rollouts import forget_waits
from tocsin_controller.targeting import route_again
from tocsin_controller.workflow.alerts.noting import note_ended
from tocsin_controller.workflow.alerts.streaks import watches_ends
from tocsin_controller.workflow.gates.places import has_limits, needs_places
from tocsin_controller.workflow.notifying.defaults import FleetDefaults
from tocsin_controller.workflow.notifying.noticing import minds_end, told_of
from tocsin_controller.workflow.retrying import is_unknown, retry_delay_secs
from tocsin_controller.workflow.rollouts.driving import advance_rollouts
from tocsin_shared.executions import ExecutionStatus, Reason
from tocsin_shared.ids import new_id
from tocsin_shared.jobs import JobDefinition, OnLost
from tocsin_shared.logs import log
from tocsin_shared.notifications import Told
from tocsin_shared.protocol import Usage
from tocsin_shared.targets import is_fan_out

S = ExecutionStatus

_SEVERITIES: dict[ExecutionStatus, Severity] = {
    ExecutionStatus.SUCCEEDED: "success",
    ExecutionStatus.FAILED: "error",
    ExecutionStatus.TIMED_OUT: "error",
    ExecutionStatus.LOST: "error",
    ExecutionStatus.CANCELLED: "warning",
}


@dataclass(frozen=True, slots=True)
class Ended:
    """An execution ended, and how."""

    work: Work
    status: ExecutionStatus
    reason: Reason | None = None
    message: str | None = None
    agent_id: UUID | None = None
    fence: int = 0
    exit_code: int | None = None
    started_age_secs: float | None = None
    age_secs: float = 0
    stdout_bytes: int = 0
    stderr_bytes: int = 0
    stdout_truncated: bool = False
    stderr_truncated: bool = False
    usage: Usage = field(default_factory=Usage)
    #: It had been declared lost: its run was settled already and is corrected now (G4).
    is_late: bool = False
    #: Somebody asked to end it: however it ended, it is not tried again.
    is_cancel_requested: bool = False
    #: Its agent can't end its copy by itself: whatever the job says, a loss is not tried again.
    may_run_on: bool = False

    @classmethod
    def of_lease(
        cls, lease: Lease, status: ExecutionStatus, reason: Reason, message: str, *, may_run_on: bool = False
    ) -> "Ended":
        """An execution that its agent had the right to ended without a report of the agent."""
        return cls(
            lease,
            status,
            reason,
            message,
            agent_id=lease.agent_id,
            fence=lease.fence,
            is_cancel_requested=lease.is_cancel_requested,
            may_run_on=may_run_on,
        )


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What others are to be told once the transaction has committed."""

    execution_ids: tuple[UUID, ...] = ()
    lanes: dict[Lane, NewWork] = field(default_factory=dict)
    #: Places were given back, which others may wait for.
    has_freed_places: bool = False
    #: The outbox got something to do.
    is_noted: bool = False

    def plus(self, other: "Aftermath") -> "Aftermath":
        """What both tell."""
        lanes = dict(self.lanes)
        for lane, work in other.lanes.items():
            add_work(lanes, lane, work)
        return Aftermath(
            self.execution_ids + other.execution_ids,
            lanes,
            self.has_freed_places or other.has_freed_places,
            self.is_noted or other.is_noted,
        )


class Ender:
    """Ends executions."""

    def __init__(
        self,
        hints: Hints,
        definitions: Definitions,
        defaults: FleetDefaults,
        on_work: Callable[[dict[Lane, NewWork]], None],
    ) -> None:
        self._hints = hints
        self._definitions = definitions
        self._defaults = defaults
        self._on_work = on_work

    async def end_leased(self, session: Session, ended: Sequence[Ended]) -> Aftermath:
        """End those of these executions whose lease is still the one that was seen."""
        leases = await lock_leases(session, [e.work.execution_id for e in ended])
        current = [
            e
            for e in ended
            if (lease := leases.get(e.work.execution_id)) is not None and lease.fence == e.fence
        ]
        return await self.end(session, current)

    async def end_waiting(self, session: HeldSession, ended: Sequence[Ended]) -> int:
        """End those of these executions that still wait in the queue, and tell it; how many those were.

        One that can't be ended stays where it is, and keeps no other from ending.
        """
        count = 0

        async def write(some: Sequence[Ended]) -> None:
            nonlocal count
            async with session.transaction() as transaction:
                works = await withdraw(transaction, [e.work.execution_id for e in some])
                taken = {work.execution_id for work in works}
                aftermath = await self.end(transaction, [e for e in some if e.work.execution_id in taken])
            self.announce(aftermath)
            count += len(aftermath.execution_ids)

        await write_apart(ended, write, log_stuck)
        return count

    async def end(self, session: Session, ended: Sequence[Ended]) -> Aftermath:
        """End executions whose lease or queue row the caller holds. Those that ended before are left alone."""
        if not ended:
            return Aftermath()
        keys: list[VersionKey] = [(e.work.job_id, e.work.job_version) for e in ended]
        definitions = await self._definitions.get_many(session, keys)
        pairs = [(e, definitions[key]) for e, key in zip(ended, keys, strict=True)]
        lost_before = await count_lost_before(session, _with_two_budgets(pairs))
        again = {
            e.work.execution_id: retry
            for e, job in pairs
            if (retry := _retry(e, job, lost_before.get(e.work.execution_id, 0))) is not None
        }
        kept = await keep_jobs(session, {retry.job_id for retry in again.values()})
        again = {i: retry for i, retry in again.items() if retry.job_id in kept}
        changed = await finish_executions(
            session, [_finish(e, is_closed=e.work.execution_id in again) for e in ended]
        )
        pairs = [(e, job) for e, job in pairs if e.work.execution_id in changed]
        ended = [e for e, _ in pairs]
        if not ended:
            return Aftermath()
        retries = [retry for execution_id, retry in again.items() if execution_id in changed]
        lanes = await queue_retries(session, retries)
        shared = {e.work.run_id for e, job in pairs if _is_shared(job)}
        await lock_runs(session, list(shared))
        is_noted = await settle_runs(session, _deltas(ended, {retry.retry_of for retry in retries}))
        await add_events(session, [_event(e, job) for e, job in pairs if e.status is not S.SKIPPED])
        placed = {e.work.run_id for e, job in pairs if isinstance(job, BrokenDefinition) or needs_places(job)}
        has_freed = await free_places(session, list(placed))
        late_runs = {e.work.run_id for e in ended if e.is_late}
        told = self._defaults.current
        is_noted |= await note_ended(session, _watched(pairs, told), told, late_runs)
        for lane, work in (await wake_limited(session, _left_agents(pairs))).items():
            add_work(lanes, lane, work)
        aftermath = Aftermath(tuple(e.work.execution_id for e in ended), lanes, has_freed, is_noted)
        in_batches = [e for e, job in pairs if isinstance(job, JobDefinition) and job.rollout]
        if not in_batches:
            return aftermath
        await forget_waits(session, [e.work.execution_id for e in in_batches])
        return aftermath.plus(await self._advance(session, {e.work.run_id for e in in_batches}))

    async def advance(self, session: Session, run_ids: Collection[UUID]) -> Aftermath:
        """Take the steps of rollouts that are due; announce after the commit."""
        await lock_runs(session, list(run_ids))
        return await self._advance(session, run_ids)

    async def _advance(self, session: Session, run_ids: Collection[UUID]) -> Aftermath:
        progress = await advance_rollouts(session, self._definitions, sorted(run_ids))
        skipped = [Ended(skip.work, S.SKIPPED, skip.reason, skip.message) for skip in progress.skips]
        return Aftermath(lanes=progress.lanes).plus(await self.end(session, skipped))

    def is_plain(self, work: Work, status: ExecutionStatus) -> bool:
        """Whether nothing but the end itself would follow: no next attempt, no sibling, no place to give back."""
        job = self._definitions.known((work.job_id, work.job_version))
        if job is None or isinstance(job, BrokenDefinition) or _is_shared(job):
            return False
        if has_limits(job) or has_rules(job) or watches_ends(job):
            return False
        if minds_end(told_of(job, self._defaults.current), status):
            return False
        return status is ExecutionStatus.SUCCEEDED or (job.retry_max == 0 and job.on_lost is OnLost.FAIL)

    async def end_plain(self, session: Queries, ended: Sequence[Ended]) -> PlainEnds:
        """End executions that are `is_plain`, in one statement; those whose lease is the one that was believed."""
        definitions = await self._definitions.get_many(
            session, [(e.work.job_id, e.work.job_version) for e in ended]
        )
        return await end_plain(
            session,
            [
                (
                    _finish(e, is_closed=False),
                    e.work.run_id,
                    _event(e, definitions[e.work.job_id, e.work.job_version]),
                )
                for e in ended
            ],
        )

    def announce(self, aftermath: Aftermath) -> None:
        """Tell watchers and the dispatcher; call it after the commit."""
        if aftermath.execution_ids:
            self._hints.hint(EVENTS, everywhere=False)
        for execution_id in aftermath.execution_ids:
            self._hints.hint(output_topic(execution_id), everywhere=False)
        if aftermath.is_noted:
            self._hints.hint(OUTBOX, everywhere=False)
        if aftermath.lanes:
            self._on_work(aftermath.lanes)
        if aftermath.has_freed_places:
            self._hints.hint(PLACES, everywhere=False)


async def log_stuck(ended: Ended, error: Exception) -> None:
    """Tell that an execution can't be ended; for `write_apart`."""
    log.error("execution_cannot_be_ended", execution_id=str(ended.work.execution_id), exc_info=error)


def has_rules(job: JobDefinition | BrokenDefinition) -> bool:
    """Whether a result of this job is judged before it counts."""
    return isinstance(job, JobDefinition) and job.output_rules is not None and not job.output_rules.is_empty


def _is_shared(job: JobDefinition | BrokenDefinition) -> bool:
    """Whether a run of this job has several executions, which may end on different controllers at once."""
    return isinstance(job, BrokenDefinition) or is_fan_out(job.target)


def _watched(
    pairs: Sequence[tuple[Ended, JobDefinition | BrokenDefinition]], defaults: Told
) -> dict[UUID, JobDefinition]:
    """Runs whose end may have to be told."""
    return {
        e.work.run_id: job
        for e, job in pairs
        if isinstance(job, JobDefinition) and (watches_ends(job) or told_of(job, defaults).minds_ends)
    }


def _left_agents(pairs: Sequence[tuple[Ended, JobDefinition | BrokenDefinition]]) -> list[tuple[UUID, str]]:
    """(job, route) of each execution that left an agent which may have waited for that (`max_per_agent`)."""
    return [
        (e.work.job_id, route_again(job, e.agent_id))
        for e, job in pairs
        if isinstance(job, JobDefinition) and job.max_per_agent and e.agent_id is not None
    ]


def _with_two_budgets(pairs: Sequence[tuple[Ended, JobDefinition | BrokenDefinition]]) -> list[UUID]:
    """Executions whose earlier attempts must be told apart, lost from failed."""
    return [
        e.work.execution_id
        for e, job in pairs
        if isinstance(job, JobDefinition) and job.on_lost is OnLost.RETRY and e.work.attempt_number > 1
    ]


def _finish(e: Ended, *, is_closed: bool) -> Finish:
    """As it is written. A lost execution that is tried again is closed: its own late result is stale then (G6)."""
    return Finish(
        execution_id=e.work.execution_id,
        status=e.status.value,
        reason=e.reason.value if e.reason else None,
        message=e.message,
        agent_id=e.agent_id,
        fence=e.fence + 1 if is_closed and e.status is ExecutionStatus.LOST else e.fence,
        exit_code=e.exit_code,
        started_age_secs=e.started_age_secs,
        age_secs=e.age_secs,
        stdout_bytes=e.stdout_bytes,
        stderr_bytes=e.stderr_bytes,
        stdout_truncated=e.stdout_truncated,
        stderr_truncated=e.stderr_truncated,
        cpu_secs=e.usage.cpu_secs,
        peak_memory_bytes=e.usage.peak_memory_bytes,
    )


def _retry(e: Ended, job: JobDefinition | BrokenDefinition, lost_before: int) -> Retry | None:
    if isinstance(job, BrokenDefinition) or e.is_cancel_requested or e.is_late:
        return None
    if isinstance(e.work, Uncertain):
        route = e.work.route
    elif e.agent_id is not None:
        route = route_again(job, e.agent_id)
    else:
        return None
    if e.may_run_on and is_unknown(e.status, e.reason):
        return None
    delay_secs = retry_delay_secs(job, e.status, e.reason, e.work.attempt_number, lost_before)
    if delay_secs is None:
        return None
    return Retry(
        id=new_id(),
        run_id=e.work.run_id,
        job_id=e.work.job_id,
        job_version=e.work.job_version,
        attempt_number=e.work.attempt_number + 1,
        retry_of=e.work.execution_id,
        route=route,
        priority=job.priority,
        delay_secs=delay_secs,
        queue_timeout_secs=job.queue_timeout_secs,
        scheduled_for=e.work.scheduled_for if isinstance(e.work, Handed | Uncertain) else None,
    )


def _deltas(ended: Sequence[Ended], retried: set[UUID]) -> list[RunDelta]:
    """What these ends add to each run. A retried execution stays open in its next attempt."""
    deltas: dict[UUID, RunDelta] = {}
    for e in ended:
        delta = deltas.setdefault(e.work.run_id, RunDelta(e.work.run_id, age_secs=e.age_secs))
        delta.age_secs = min(delta.age_secs, e.age_secs)
        if e.started_age_secs is not None:
            delta.started_age_secs = max(delta.started_age_secs or 0, e.started_age_secs)
        if e.work.execution_id in retried:
            continue
        if e.status is not S.SKIPPED:
            counter = e.status.value
            setattr(delta, counter, getattr(delta, counter) + 1)
        if e.is_late:
            delta.lost -= 1
        else:
            delta.open -= 1
        if e.status is not ExecutionStatus.SUCCEEDED:
            delta.reason = e.reason.value if e.reason else None
            delta.message = e.message
    return list(deltas.values())


def _event(e: Ended, job: JobDefinition | BrokenDefinition) -> NewEvent:
    name = job.name if isinstance(job, JobDefinition) else str(e.work.job_id)
    late = " (late result)" if e.is_late else ""
    return NewEvent(
        kind="execution.completed",
        severity=_SEVERITIES.get(e.status, "info"),
        message=f"Job '{name}' {_words(e.status)}{late}",
        job_id=e.work.job_id,
        execution_id=e.work.execution_id,
        agent_id=e.agent_id,
        details=e.message or (e.reason.value if e.reason else None),
    )


def _words(status: ExecutionStatus) -> str:
    return {ExecutionStatus.TIMED_OUT: "timed out", ExecutionStatus.CANCELLED: "was cancelled"}.get(
        status, "was lost" if status is ExecutionStatus.LOST else status.value
    )
