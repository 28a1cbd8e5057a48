"""Questions about timers, and the one statement that writes runs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from tocsin_controller.store.database import Queries
from tocsin_controller.store.leasing import Lane, NewWork, lanes_of
from tocsin_controller.store.rollouts import PlannedRollout
from tocsin_controller.store.statements import sql
from tocsin_shared.executions import Reason, RunStatus
from tocsin_shared.jobs import JobDefinition
from tocsin_shared.wire import dumps

#: The limit in promote_delayed.sql.
PROMOTED_AT_ONCE = 500
#: The limit in coming_timers.sql.
TIMER_BATCH = 200

_COMING_TIMERS = sql("coming_timers")
_END_TIMERS = sql("end_timers")
_QUARANTINE_JOB = sql("quarantine_job")
_NEXT_WAKE = sql("next_wake")
_PROMOTE_DELAYED = sql("promote_delayed")
_LAUNCH = sql("launch")
_OPEN_RUNS = sql("open_runs")
_LAST_ENDS = sql("last_ends")


class Timer(NamedTuple):
    """When a job fires next, and database time when that was read."""

    job_id: UUID
    job_version: int
    next_fire_at: datetime
    anchor: datetime
    now: datetime


class Hold(StrEnum):
    """Why nobody may take the executions of a new run yet."""

    #: They wait for approval: `pending_approval`, not in the queue.
    APPROVAL = "approval"
    #: They wait for a place: in the queue, out of everybody's reach.
    PLACE = "place"


class PlannedExecution(NamedTuple):
    """One execution to queue."""

    id: UUID
    route: str
    #: Set when only this agent can take it.
    agent_id: UUID | None = None


class PlannedRun(NamedTuple):
    """One run to write, with everything that hangs on it."""

    id: UUID
    job_id: UUID
    job_version: int
    status: RunStatus
    trigger: dict[str, Any]
    priority: int = 0
    queue_timeout_secs: float = 0
    reason: Reason | None = None
    message: str | None = None
    params: dict[str, Any] | None = None
    scheduled_for: datetime | None = None
    executions: tuple[PlannedExecution, ...] = ()
    not_reached: tuple[dict[str, str], ...] = ()
    #: The job, when something may stand between the run and the queue (`workflow/gates`).
    gated: JobDefinition | None = None
    hold: Hold | None = None
    #: Its executions wait until then; None: they may be taken at once.
    ready_at: datetime | None = None
    #: Set when its hosts come in batches.
    rollout: PlannedRollout | None = None


async def coming_timers(session: Queries, within_secs: float) -> list[Timer]:
    """What is due now or within this time, at most `TIMER_BATCH`: first all that is due, most urgent first."""
    return [Timer(*row) for row in await session.fetch(_COMING_TIMERS, within_secs)]


async def end_timers(session: Queries, job_ids: Sequence[UUID]) -> None:
    """These jobs fire no more."""
    if job_ids:
        await session.execute(_END_TIMERS, list(job_ids))


async def quarantine_job(session: Queries, job_id: UUID, why: str) -> None:
    """The job can't be scheduled any more, and why."""
    await session.execute(_QUARANTINE_JOB, job_id, why)


async def secs_to_next_wake(session: Queries) -> tuple[float | None, float | None]:
    """Until the next timer and the next retry; negative when it is due already, None when there is none."""
    row = await session.fetchrow(_NEXT_WAKE)
    return (row["timer_secs"], row["retry_secs"]) if row is not None else (None, None)


async def promote_delayed(session: Queries) -> tuple[dict[Lane, NewWork], bool]:
    """What waited for a time that has come becomes takeable; the lanes that got it, and whether there may be more."""
    rows = await session.fetch(_PROMOTE_DELAYED)
    return lanes_of(rows), len(rows) == PROMOTED_AT_ONCE


async def count_open_runs(session: Queries, job_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Runs that have not ended, per job."""
    rows = await session.fetch(_OPEN_RUNS, list(job_ids))
    return {row["job_id"]: row["open"] for row in rows}


async def last_ends(session: Queries, job_ids: Sequence[UUID]) -> dict[UUID, datetime | None]:
    """When the last run of each of these jobs ended."""
    return {row["job_id"]: row["last_end"] for row in await session.fetch(_LAST_ENDS, list(job_ids))}


@dataclass(frozen=True, slots=True)
class Written:
    """What was really inserted."""

    run_ids: frozenset[UUID] = frozenset()
    #: Where new work waits.
    lanes: dict[Lane, NewWork] = field(default_factory=dict)
    #: How many timers fired; the others had fired elsewhere, or their jobs were changed.
    timers: int = 0


async def write_runs(
    session: Queries, runs: Sequence[PlannedRun], fired: Sequence[tuple[Timer, datetime | None]] = ()
) -> Written:
    """Insert runs with executions and queue rows; those that exist already are left alone.

    `fired` are the timers that the runs come from, each with its next instant (None: it fires no more). The runs of a
    timer that does not stand any more as it was seen are not written. Atomic; needs no transaction around it.
    """
    if not runs and not fired:
        return Written()
    executions = [(run, execution) for run in runs for execution in run.executions]
    rows = await session.fetch(
        _LAUNCH,
        [run.id for run in runs],
        [run.job_id for run in runs],
        [run.job_version for run in runs],
        [run.status.value for run in runs],
        [run.reason and run.reason.value for run in runs],
        [run.message for run in runs],
        [run.trigger for run in runs],
        [run.params for run in runs],
        [run.scheduled_for for run in runs],
        [len(run.executions) for run in runs],
        # As text: the driver would take a list of lists for an array of two dimensions.
        [dumps(run.not_reached).decode() if run.not_reached else None for run in runs],
        [execution.id for _, execution in executions],
        [run.id for run, _ in executions],
        [execution.route for _, execution in executions],
        [run.priority for run, _ in executions],
        [float(run.queue_timeout_secs) for run, _ in executions],
        [execution.agent_id for _, execution in executions],
        [timer.job_id for timer, _ in fired],
        [timer.job_version for timer, _ in fired],
        [timer.next_fire_at for timer, _ in fired],
        [next_fire_at for _, next_fire_at in fired],
        [run.hold and run.hold.value for run, _ in executions],
        [run.ready_at for run, _ in executions],
        [run.job_id for run, _ in executions],
        [run.job_version for run, _ in executions],
        [run.scheduled_for for run, _ in executions],
    )
    return Written(
        frozenset(row["run_id"] for row in rows if row["run_id"] is not None),
        {
            Lane(row["route"], row["priority"]): NewWork(row["first"], row["count"])
            for row in rows
            if row["route"] is not None
        },
        sum(row["timers"] or 0 for row in rows),
    )
