"""Questions about counts over history: by minute, by day, of everything."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from tocsin_controller.store.database import Queries, Record, Session
from tocsin_controller.store.statements import sql
from tocsin_shared.ids import id_floor

_COUNT_MINUTES = sql("count_minutes")
_STATUSES_OF_JOB = sql("statuses_of_job")
_COUNT_JOBS_IN_RANGE = sql("count_jobs_in_range")
_MINUTE_COUNTS_BETWEEN = sql("minute_counts_between")
_TOTAL_COUNTS = sql("total_counts")
_COUNT_JOB_TYPES = sql("count_job_types")
_COUNTING_STATE = sql("counting_state")
_LOCK_COUNTING = sql("lock_counting")
_SET_COUNTING = sql("set_counting")
_FIRST_EXECUTION_FROM = sql("first_execution_from")
_PUT_MINUTE_COUNTS = sql("put_minute_counts")
_MINUTES_TO_RECOUNT = sql("minutes_to_recount")
_FOLD_MINUTE_COUNTS = sql("fold_minute_counts")
_FORGET_COUNTS = sql("forget_counts")

MINUTE: Final = timedelta(minutes=1)
#: How an execution that has ended may have ended.
ENDS: Final = ("succeeded", "failed", "timed_out", "cancelled", "lost", "skipped")


@dataclass(frozen=True, slots=True)
class MinuteCount:
    """How the executions made in one minute stand."""

    minute: datetime
    #: By status; what has not ended is counted as `open`.
    by_status: dict[str, int]
    #: When to look again; None: nothing will change any more.
    recount_at: datetime | None = None


async def count_minutes(
    db: Queries, minutes: Sequence[datetime], most: int
) -> dict[datetime, dict[str, int]]:
    """By minute and status, from history itself; looks at no more than `most` rows a minute."""
    if not minutes:
        return {}
    rows = await db.fetch(
        _COUNT_MINUTES,
        list(minutes),
        [id_floor(m) for m in minutes],
        [id_floor(m + MINUTE) for m in minutes],
        most,
    )
    counts: dict[datetime, dict[str, int]] = {minute: {} for minute in minutes}
    for row in rows:
        counts[row["minute"]][row["status"]] = row["count"]
    return counts


async def statuses_of_job(db: Queries, job_id: UUID, since: datetime, most: int) -> list[tuple[UUID, str]]:
    """The newest executions of a job since then: id and status."""
    rows = await db.fetch(_STATUSES_OF_JOB, job_id, id_floor(since), most)
    return [(row["id"], row["status"]) for row in rows]


async def count_jobs_in_minute(db: Queries, minute: datetime, most: int, groups: int) -> list[Record]:
    """job_name, status and count of the executions made in one minute, largest counts first."""
    return await db.fetch(_COUNT_JOBS_IN_RANGE, id_floor(minute), id_floor(minute + MINUTE), most, groups)


async def minute_counts_between(
    db: Queries, start: datetime, end: datetime
) -> dict[datetime, dict[str, int]]:
    """What has been counted of these minutes."""
    rows = await db.fetch(_MINUTE_COUNTS_BETWEEN, start, end)
    return {row["minute"]: {name: row[name] for name in (*ENDS, "open")} for row in rows}


async def total_counts(db: Queries, most_open: int) -> dict[str, int]:
    """All that was counted, by status; what has not ended is counted now."""
    row = await db.fetchrow(_TOTAL_COUNTS, most_open)
    return dict(row) if row else {}


async def count_job_types(db: Queries) -> list[Record]:
    """task_type, schedule_type and count."""
    return await db.fetch(_COUNT_JOB_TYPES)


async def counted_until(db: Queries) -> datetime | None:
    """Minutes before this one have been counted."""
    found: datetime | None = await db.fetchval(_COUNTING_STATE)
    return found


async def lock_counting(session: Session) -> bool:
    """Whether it is for this transaction to count."""
    is_ours: bool = await session.fetchval(_LOCK_COUNTING)
    return is_ours


async def set_counted_until(session: Session, minute: datetime) -> None:
    """Minutes before this one have been counted."""
    await session.execute(_SET_COUNTING, minute)


async def first_execution_from(db: Queries, since: datetime | None) -> UUID | None:
    """The first execution made then or later."""
    found: UUID | None = await db.fetchval(_FIRST_EXECUTION_FROM, id_floor(since) if since else UUID(int=0))
    return found


async def put_minute_counts(session: Session, counts: Sequence[MinuteCount]) -> None:
    """Writes them over what was counted before."""
    if counts:
        columns = [[count.by_status.get(name, 0) for count in counts] for name in (*ENDS, "open")]
        await session.execute(
            _PUT_MINUTE_COUNTS, [c.minute for c in counts], *columns, [c.recount_at for c in counts]
        )


async def minutes_to_recount(session: Session, most: int) -> list[datetime]:
    """Minutes in which something may have changed."""
    return [row["minute"] for row in await session.fetch(_MINUTES_TO_RECOUNT, most)]


async def fold_minute_counts(session: Session, before: datetime) -> None:
    """Adds settled minutes up to days."""
    await session.execute(_FOLD_MINUTE_COUNTS, before)


async def forget_counts(session: Session, first_kept: date) -> None:
    """Removes counts of days whose history is gone."""
    await session.execute(_FORGET_COUNTS, first_kept)
