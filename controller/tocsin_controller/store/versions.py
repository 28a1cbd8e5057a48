"""Questions about single saved changes of a job."""

from uuid import UUID

from tocsin_controller.store.database import Queries, Record
from tocsin_controller.store.statements import sql

_JOB_VERSION = sql("job_version")
_NEWEST_VERSION = sql("newest_version")


async def job_version(db: Queries, job_id: UUID, version: int) -> Record | None:
    """One saved change; also of a deleted job."""
    return await db.fetchrow(_JOB_VERSION, job_id, version)


async def newest_version(db: Queries, job_id: UUID) -> int | None:
    """The number of the last saved change; None when there never was such a job."""
    newest: int | None = await db.fetchval(_NEWEST_VERSION, job_id)
    return newest
