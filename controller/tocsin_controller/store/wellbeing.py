"""Questions about the database itself."""

from tocsin_controller.store.database import HeldSession, Queries
from tocsin_controller.store.statements import sql

_DATABASE_HEALTH = sql("database_health")
_AGENT_COUNTS = sql("agent_counts")
_VACUUM = sql("vacuum")


async def database_size(db: Queries) -> int:
    """Bytes. Raises Unavailable."""
    size: int = await db.fetchval(_DATABASE_HEALTH)
    return size


async def agent_counts(db: Queries) -> dict[str, int]:
    """Agents by status."""
    return {row["status"]: row["count"] for row in await db.fetch(_AGENT_COUNTS)}


async def vacuum(held: HeldSession) -> None:
    """Takes as long as it takes. Raises Unavailable."""
    await held.execute(_VACUUM)
