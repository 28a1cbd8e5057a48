"""Questions about the schedules of groups."""

from datetime import datetime
from typing import Any
from uuid import UUID

from tocsin_controller.store.database import Queries, Record, Session
from tocsin_controller.store.statements import sql

_SET = sql("set_pipeline_schedule")
_GET = sql("pipeline_schedule")
_DROP = sql("drop_pipeline_schedule")
_EVERY = sql("every_pipeline_schedule")
_LOCK = sql("lock_pipeline_schedule")
_MOVE = sql("move_pipeline_schedule")


async def set_pipeline_schedule(
    session: Session,
    group: str,
    schedule: dict[str, Any],
    *,
    timezone: str | None,
    dst: str,
    generation: UUID,
    anchor: datetime,
    next_fire_at: datetime | None,
    by: str,
) -> None:
    """A group's schedule is this one from now on."""
    await session.execute(_SET, group, schedule, generation, anchor, next_fire_at, by, timezone, dst)


async def pipeline_schedule(db: Queries, group: str) -> Record | None:
    """A group's `schedule`, `timezone`, `dst` and `next_fire_at`."""
    return await db.fetchrow(_GET, group)


async def every_pipeline_schedule(db: Queries) -> list[Record]:
    """All of them, by group: `group_name`, `schedule`, `timezone`, `dst`."""
    return await db.fetch(_EVERY)


async def drop_pipeline_schedule(session: Session, group: str) -> bool:
    """A group has no schedule any more; False when it had none."""
    return await session.fetchval(_DROP, group) is not None


async def lock_pipeline_schedule(session: Session, generation: UUID) -> Record | None:
    """A schedule that still stands, with `group_name` and `anchor`; nobody changes it meanwhile."""
    return await session.fetchrow(_LOCK, generation)


async def move_pipeline_schedule(session: Session, generation: UUID, next_fire_at: datetime | None) -> None:
    """When it fires next; None: no more."""
    await session.execute(_MOVE, generation, next_fire_at)
