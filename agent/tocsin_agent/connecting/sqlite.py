"""SQLite: opens the file for reading and looks what is in it."""

from tocsin_agent.tasks.sql.sqlite import look
from tocsin_shared.connections.configs import SqliteConfig
from tocsin_shared.network import Reach


async def probe(config: SqliteConfig, _reach: Reach) -> str:
    """Raises TaskFailed."""
    count = await look(config)
    return f"Opened the database ({count} {'table' if count == 1 else 'tables'})."
