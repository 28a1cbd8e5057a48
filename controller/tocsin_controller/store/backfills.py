"""Questions about backfills."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from tocsin_controller.store.database import Queries, Record, Session
from tocsin_controller.store.statements import sql

_INSERT = sql("insert_backfill")
_LOCK = sql("lock_backfill")
_MOVE = sql("move_backfill")
_ADD_RUNS = sql("add_backfill_runs")
_COUNTS = sql("backfill_run_counts")
_OPEN = sql("open_backfill_runs")
_STATES = sql("run_states")
_SHOWN = sql("backfills_shown")
_FORGET = sql("forget_backfilled")


@dataclass(frozen=True, slots=True)
class NewBackfill:
    """A backfill to begin."""

    id: UUID
    job_id: UUID
    job_name: str
    job_version: int
    anchor: datetime
    from_at: datetime
    to_at: datetime
    max_concurrent: int
    include_skipped: bool
    #: Instants after this one are to be dealt with.
    cursor_at: datetime
    instants: int
    created_by: str


async def insert_backfill(session: Session, new: NewBackfill) -> None:
    """Begins it. Raises asyncpg.UniqueViolationError while another one runs for the job."""
    await session.execute(_INSERT, *(getattr(new, name) for name in NewBackfill.__slots__))


async def lock_backfill(session: Session, backfill_id: UUID) -> Record | None:
    """A backfill, this transaction's until it ends."""
    return await session.fetchrow(_LOCK, backfill_id)


async def move_backfill(
    session: Session,
    backfill_id: UUID,
    cursor_at: datetime,
    left_out: int = 0,
    status: Literal["done", "cancelled"] | None = None,
) -> None:
    """How far it is, and whether it is over."""
    await session.execute(_MOVE, backfill_id, cursor_at, left_out, status)


async def add_backfill_runs(session: Session, backfill_id: UUID, run_ids: Sequence[UUID]) -> None:
    """These runs are the backfill's."""
    if run_ids:
        await session.execute(_ADD_RUNS, backfill_id, list(run_ids))


async def backfill_run_counts(db: Queries, backfill_ids: Sequence[UUID]) -> dict[UUID, dict[str, int]]:
    """The runs of each by status."""
    counts: dict[UUID, dict[str, int]] = {backfill_id: {} for backfill_id in backfill_ids}
    for row in await db.fetch(_COUNTS, list(backfill_ids)):
        counts[row["backfill_id"]][row["status"]] = row["runs"]
    return counts


async def open_backfill_runs(db: Queries, backfill_id: UUID, job_id: UUID) -> list[UUID]:
    """Its runs that have not ended."""
    return [row["id"] for row in await db.fetch(_OPEN, backfill_id, job_id)]


async def run_states(db: Queries, run_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Those of these runs that exist, with their status."""
    return {row["id"]: row["status"] for row in await db.fetch(_STATES, list(run_ids))}


async def backfills_shown(
    db: Queries, *, job_id: UUID | None = None, backfill_id: UUID | None = None
) -> list[Record]:
    """Those of a job, newest first, or the one."""
    return await db.fetch(_SHOWN, job_id, backfill_id)


async def forget_backfilled(session: Session, first_kept: date) -> None:
    """Old runs of instants that are older still."""
    await session.execute(_FORGET, first_kept)
