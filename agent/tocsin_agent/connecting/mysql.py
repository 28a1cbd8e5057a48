"""MySQL and MariaDB: logs in and asks a question."""

from tocsin_agent.tasks.sql.mysql import log_in
from tocsin_shared.connections.configs import MysqlConfig
from tocsin_shared.network import Reach


async def probe(config: MysqlConfig, _reach: Reach) -> str:
    """Raises TaskFailed."""
    return f"Logged in to {await log_in(config)}."
