"""Questions about groups: those that jobs are in, and those that somebody made."""

from collections.abc import Sequence
from uuid import UUID

from tocsin_controller.store.database import Queries, Session
from tocsin_controller.store.statements import sql

_GROUP_NAMES = sql("group_names")
_SAVED_GROUPS = sql("saved_groups")
_SAVE_GROUP = sql("save_group")
_DROP_GROUP = sql("drop_group")
_GROUP_EXISTS = sql("group_exists")
_LOCK_TIMERS = sql("lock_timers")
_MOVE_JOBS = sql("move_jobs")
_RENAME_PIPELINES = sql("rename_pipelines")


async def group_names(db: Queries) -> set[str]:
    """Every group that has a job or was made."""
    used = {row["name"] for row in await db.fetch(_GROUP_NAMES)}
    return used | {row["name"] for row in await db.fetch(_SAVED_GROUPS)}


async def group_exists(db: Queries, name: str) -> bool:
    """Whether the group has jobs or was made."""
    found: bool = await db.fetchval(_GROUP_EXISTS, name)
    return found


async def save_group(session: Session, name: str) -> bool:
    """Make a group; False when it was made before."""
    return await session.fetchval(_SAVE_GROUP, name) is not None


async def drop_group(session: Session, name: str) -> bool:
    """Forget that a group was made; False when it was not."""
    return await session.fetchval(_DROP_GROUP, name) is not None


async def move_jobs(
    session: Session, to: str, by: str, *, job_ids: Sequence[UUID] = (), group: str | None = None
) -> int:
    """Move these jobs, or all of a group, into another group; how many there are."""
    await session.fetch(_LOCK_TIMERS, list(job_ids), group)
    count: int = await session.fetchval(_MOVE_JOBS, list(job_ids), group, to, by)
    return count


async def rename_pipelines(session: Session, old: str, new: str | None) -> None:
    """Pipeline runs and schedule go with their group's name; with None the schedule goes, and the runs stay."""
    await session.execute(_RENAME_PIPELINES, old, new)
