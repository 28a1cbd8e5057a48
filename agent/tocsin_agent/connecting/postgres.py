"""PostgreSQL: logs in and asks a question."""

from tocsin_agent.tasks.sql.postgres import log_in
from tocsin_shared.connections.configs import PostgresConfig
from tocsin_shared.network import Reach


async def probe(config: PostgresConfig, _reach: Reach) -> str:
    """Raises TaskFailed."""
    return f"Logged in to {await log_in(config)}."
