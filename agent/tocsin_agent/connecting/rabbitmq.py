"""RabbitMQ: logs in and opens the virtual host."""

from tocsin_agent.tasks.rabbitmq.link import closed, opened
from tocsin_agent.tasks.rabbitmq.server import server_of
from tocsin_shared.connections.configs import RabbitmqConfig
from tocsin_shared.network import Reach


async def probe(config: RabbitmqConfig, _reach: Reach) -> str:
    """Raises TaskFailed."""
    server = server_of("", config)
    await closed(await opened(server))
    return f"Logged in to {server.name}."
