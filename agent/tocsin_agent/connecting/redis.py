"""Redis: logs in and pings."""

from tocsin_agent.tasks.redis.link import opened
from tocsin_agent.tasks.redis.server import server_of
from tocsin_shared.connections.configs import RedisConfig
from tocsin_shared.network import Reach


async def probe(config: RedisConfig, _reach: Reach) -> str:
    """Raises TaskFailed."""
    server = server_of("", config)
    link = await opened(server)
    try:
        await link.ask("PING")
    finally:
        await link.close()
    return f"Logged in to {server.name}."
