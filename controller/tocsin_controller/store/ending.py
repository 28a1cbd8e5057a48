"""Writing what agents report: starts, output, ends; and what that means for runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from tocsin_controller.store.database import Queries
from tocsin_controller.store.events import NewEvent
from tocsin_controller.store.leasing import Lane, NewWork
from tocsin_controller.store.statements import sql
from tocsin_shared.ids import new_id

_START_EXECUTIONS = sql("start_executions")
_INSERT_OUTPUT = sql("insert_output")
_FINISH_EXECUTIONS = sql("finish_executions")
_LOCK_RUNS = sql("lock_runs")
_SETTLE_RUNS = sql("settle_runs")
_END_PLAIN = sql("end_plain")
_QUEUE_RETRIES = sql("queue_retries")
_LOST_ATTEMPTS = sql("lost_attempts")


@dataclass(frozen=True, slots=True)
class Start:
    """An agent started an execution, so long ago."""

    execution_id: UUID
    run_id: UUID
    agent_id: UUID
    fence: int
    age_secs: float


@dataclass(frozen=True, slots=True)
class Output:
    """Bytes of one stream. With a fence they count only while it is that of the execution's lease."""

    execution_id: UUID
    stream: int
    offset: int
    seq: int
    data: bytes
    fence: int | None = None


@dataclass(frozen=True, slots=True)
class Finish:
    """The end of an execution, as it is written."""

    execution_id: UUID
    status: str
    reason: str | None
    message: str | None
    agent_id: UUID | None
    fence: int
    exit_code: int | None
    started_age_secs: float | None
    age_secs: float
    stdout_bytes: int
    stderr_bytes: int
    stdout_truncated: bool
    stderr_truncated: bool
    cpu_secs: float | None
    peak_memory_bytes: int | None


@dataclass(slots=True)
class RunDelta:
    """What ended executions add to their run's counters."""

    run_id: UUID
    open: int = 0
    succeeded: int = 0
    failed: int = 0
    timed_out: int = 0
    cancelled: int = 0
    lost: int = 0
    reason: str | None = None
    message: str | None = None
    started_age_secs: float | None = None
    #: How long ago the newest of these ends was.
    age_secs: float = 0


@dataclass(frozen=True, slots=True)
class Retry:
    """The next attempt of a failed execution."""

    id: UUID
    run_id: UUID
    job_id: UUID
    job_version: int
    attempt_number: int
    retry_of: UUID
    route: str
    priority: int
    delay_secs: float
    queue_timeout_secs: float
    scheduled_for: datetime | None


async def start_executions(session: Queries, starts: Sequence[Start]) -> set[UUID]:
    """Pending becomes running; those further on stay as they are. Returns those whose lease is the one named."""
    if not starts:
        return set()
    starts = sorted(starts, key=lambda s: s.execution_id.int)  # as lock_leases does: nobody waits in a circle
    rows = await session.fetch(
        _START_EXECUTIONS,
        [s.execution_id for s in starts],
        [s.run_id for s in starts],
        [s.agent_id for s in starts],
        [s.fence for s in starts],
        [s.age_secs for s in starts],
        min(s.execution_id for s in starts),
        min(s.run_id for s in starts),
    )
    return {row["execution_id"] for row in rows}


async def insert_output(session: Queries, chunks: Sequence[Output]) -> set[UUID]:
    """Keep output; what is there already stays. Returns the executions that may still write."""
    if not chunks:
        return set()
    rows = await session.fetch(
        _INSERT_OUTPUT,
        [c.execution_id for c in chunks],
        [c.stream for c in chunks],
        [c.offset for c in chunks],
        [c.seq for c in chunks],
        [c.data for c in chunks],
        [c.fence for c in chunks],
    )
    return {row["execution_id"] for row in rows}


async def finish_executions(session: Queries, ends: Sequence[Finish]) -> set[UUID]:
    """End executions; those that really changed."""
    rows = await session.fetch(_FINISH_EXECUTIONS, *_finish_columns(ends))
    return {row["id"] for row in rows}


@dataclass(frozen=True, slots=True)
class PlainEnds:
    """What really ended."""

    execution_ids: set[UUID]
    #: The outbox got something to do because of that.
    is_noted: bool


async def end_plain(session: Queries, ends: Sequence[tuple[Finish, UUID, NewEvent]]) -> PlainEnds:
    """End executions together with their runs (each the only open one of its run); those whose lease is the one named.

    Atomic; needs no transaction around it.
    """
    if not ends:
        return PlainEnds(set(), is_noted=False)
    ends = sorted(ends, key=lambda one: one[0].execution_id.int)  # as lock_leases does
    rows = await session.fetch(
        _END_PLAIN,
        *_finish_columns([f for f, _, _ in ends]),
        min(run_id for _, run_id, _ in ends),
        [new_id() for _ in ends],
        [event.severity for _, _, event in ends],
        [event.message for _, _, event in ends],
    )
    return PlainEnds({row["execution_id"] for row in rows}, is_noted=any(row["is_noted"] for row in rows))


def _finish_columns(ends: Sequence[Finish]) -> tuple[Any, ...]:
    return (
        [f.execution_id for f in ends],
        [f.status for f in ends],
        [f.reason for f in ends],
        [f.message for f in ends],
        [f.agent_id for f in ends],
        [f.fence for f in ends],
        [f.exit_code for f in ends],
        [f.started_age_secs for f in ends],
        [f.age_secs for f in ends],
        [f.stdout_bytes for f in ends],
        [f.stderr_bytes for f in ends],
        [f.stdout_truncated for f in ends],
        [f.stderr_truncated for f in ends],
        [f.cpu_secs for f in ends],
        [f.peak_memory_bytes for f in ends],
        min(f.execution_id for f in ends),
    )


async def lock_runs(session: Queries, run_ids: Sequence[UUID]) -> None:
    """Lock runs before they are settled; needed for those whose executions may end on several controllers."""
    if run_ids:
        await session.fetch(_LOCK_RUNS, sorted(run_ids))


async def settle_runs(session: Queries, deltas: Sequence[RunDelta]) -> bool:
    """Add ended executions to their runs; whether the outbox got anything to do because of that."""
    is_noted: bool = await session.fetchval(
        _SETTLE_RUNS,
        [d.run_id for d in deltas],
        [d.open for d in deltas],
        [d.succeeded for d in deltas],
        [d.failed for d in deltas],
        [d.timed_out for d in deltas],
        [d.cancelled for d in deltas],
        [d.lost for d in deltas],
        [d.reason for d in deltas],
        [d.message for d in deltas],
        [d.started_age_secs for d in deltas],
        min(d.run_id for d in deltas),
        [d.age_secs for d in deltas],
    )
    return is_noted


async def queue_retries(session: Queries, retries: Sequence[Retry]) -> dict[Lane, NewWork]:
    """Queue next attempts; the lanes of those that need not wait."""
    if not retries:
        return {}
    rows = await session.fetch(
        _QUEUE_RETRIES,
        [r.id for r in retries],
        [r.run_id for r in retries],
        [r.job_id for r in retries],
        [r.job_version for r in retries],
        [r.attempt_number for r in retries],
        [r.retry_of for r in retries],
        [r.route for r in retries],
        [r.priority for r in retries],
        [r.delay_secs for r in retries],
        [r.queue_timeout_secs for r in retries],
        [r.scheduled_for for r in retries],
    )
    return {Lane(row["route"], row["priority"]): NewWork(row["first"], row["count"]) for row in rows}


async def count_lost_before(session: Queries, execution_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Of the attempts before each of these, how many had unknown outcomes."""
    if not execution_ids:
        return {}
    rows = await session.fetch(_LOST_ATTEMPTS, list(execution_ids))
    return {row["execution_id"]: row["lost"] for row in rows}
