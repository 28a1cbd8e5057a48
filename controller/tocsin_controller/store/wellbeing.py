"""Questions about the database itself."""

from tocsin_controller.store.database import Queries
from tocsin_controller.store.statements import sql

_DATABASE_HEALTH = sql("database_health")


async def database_size(db: Queries) -> int:
    """Bytes. Raises Unavailable."""
    size: int = await db.fetchval(_DATABASE_HEALTH)
    return size
