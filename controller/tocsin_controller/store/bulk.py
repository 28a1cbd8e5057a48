"""Questions about many jobs at once."""

from collections.abc import Sequence
from uuid import UUID

from tocsin_controller.store.database import Queries
from tocsin_controller.store.statements import sql

_JOB_NAMES = sql("job_names")


async def names_of(db: Queries, job_ids: Sequence[UUID]) -> dict[UUID, str]:
    """The names of those that exist."""
    return {UUID(str(row["id"])): row["name"] for row in await db.fetch(_JOB_NAMES, list(job_ids))}
