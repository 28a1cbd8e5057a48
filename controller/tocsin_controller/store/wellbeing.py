"""Questions about the database itself."""

from tocsin_controller.store.database import HeldSession, Queries, Record
from tocsin_controller.store.statements import sql

_DATABASE_HEALTH = sql("database_health")
_AGENT_COUNTS = sql("agent_counts")
_VACUUM = sql("vacuum")
_CLUSTER_FACTS = sql("cluster_facts")
_NEXT_TIMERS = sql("next_timers")


async def database_size(db: Queries) -> int:
    """Bytes. Raises Unavailable."""
    size: int = await db.fetchval(_DATABASE_HEALTH)
    return size


async def agent_counts(db: Queries) -> dict[str, int]:
    """Agents by status."""
    return {row["status"]: row["count"] for row in await db.fetch(_AGENT_COUNTS)}


async def running_and_due(db: Queries, most: int) -> tuple[Record, list[Record]]:
    """How many jobs there are and how many runs go on (`jobs_total`, `running`); and the jobs that are due next."""
    facts = await db.fetchrow(_CLUSTER_FACTS)
    if facts is None:
        raise RuntimeError("a question without conditions has an answer")
    return facts, await db.fetch(_NEXT_TIMERS, most)


async def vacuum(held: HeldSession) -> None:
    """Takes as long as it takes. Raises Unavailable."""
    await held.execute(_VACUUM)
