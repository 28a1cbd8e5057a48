"""Questions about jobs that are kept as code: by their names, and by who keeps them."""

from collections.abc import Iterable
from uuid import UUID

from tocsin_controller.store.database import Queries, Record
from tocsin_controller.store.statements import sql

_JOBS_BY_NAMES = sql("jobs_by_names")
_JOBS_IN_SCOPE = sql("jobs_in_scope")
_AGENTS_NAMED = sql("agents_named")
_AGENT_NAMES = sql("agent_names")


async def jobs_by_names(db: Queries, names: Iterable[str]) -> dict[str, Record]:
    """The jobs that exist, by name."""
    return {row["name"]: row for row in await db.fetch(_JOBS_BY_NAMES, sorted(names))}


async def jobs_in_scope(
    db: Queries, *, group: str | None, managed_by: str | None, after: str | None = None, limit: int
) -> list[Record]:
    """Jobs by name, only of this group or keeper where one is given."""
    return await db.fetch(_JOBS_IN_SCOPE, group, managed_by, after, limit)


async def agents_named(db: Queries, names: Iterable[str]) -> dict[str, UUID]:
    """The ids of the agents that exist, by name."""
    return {row["name"]: UUID(str(row["id"])) for row in await db.fetch(_AGENTS_NAMED, sorted(names))}


async def names_of_agents(db: Queries, ids: Iterable[UUID]) -> dict[str, UUID]:
    """The same, the other way round."""
    return {row["name"]: UUID(str(row["id"])) for row in await db.fetch(_AGENT_NAMES, list(ids))}
