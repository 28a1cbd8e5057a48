"""Questions about named calendars."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from tocsin_controller.store.database import Queries, Record, Session
from tocsin_controller.store.statements import sql

_SAVE = sql("save_calendar")
_SHOWN = sql("calendars_shown")
_NAMED = sql("calendars_named")
_SHARE = sql("share_calendars")
_DELETE = sql("delete_calendar")
_SET_OF_JOB = sql("set_job_calendars")
_JOBS = sql("jobs_of_calendar")


async def save_calendar(
    session: Session, name: str, definition: dict[str, Any], by: str, *, may_replace: bool
) -> bool | None:
    """Whether it is new; None when the name is taken and it may not replace the other."""
    row = await session.fetchrow(_SAVE, name, definition, by, may_replace)
    return None if row is None else bool(row["is_new"])


async def calendars_shown(db: Queries, name: str | None = None) -> list[Record]:
    """Calendars with the jobs that refer to them, by name; or the one."""
    return await db.fetch(_SHOWN, name)


async def calendars_named(db: Queries, names: Iterable[str]) -> list[Record]:
    """Those of these calendars that exist."""
    return await db.fetch(_NAMED, sorted(names))


async def share_calendars(session: Session, names: Iterable[str]) -> list[Record]:
    """Those of these that exist; nobody deletes them until the transaction ends."""
    return await session.fetch(_SHARE, sorted(names))


async def delete_calendar(session: Session, name: str) -> bool:
    """Whether there was one. Raises asyncpg.ForeignKeyViolationError when jobs refer to it."""
    return await session.execute(_DELETE, name) > 0


async def set_job_calendars(session: Session, job_id: UUID, names: Sequence[str]) -> None:
    """The calendars that a job refers to."""
    await session.execute(_SET_OF_JOB, job_id, list(names))


async def jobs_of_calendar(db: Queries, name: str, after: UUID | None, limit: int) -> list[UUID]:
    """Scheduled jobs that refer to it, some at a time."""
    return [row["job_id"] for row in await db.fetch(_JOBS, name, after, limit)]
