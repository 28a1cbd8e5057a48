"""NATS: greets the servers as a task would, and waits until one has answered."""

from nats.errors import Error

from tocsin_agent.tasks.driving import driver_failed
from tocsin_agent.tasks.nats.link import linked, servers_of
from tocsin_shared.connections.configs import NatsConfig
from tocsin_shared.network import Reach


async def probe(config: NatsConfig, _reach: Reach) -> str:
    """The first server that answers counts. Raises TaskFailed."""
    servers = await servers_of(None, config)
    async with linked(servers) as link:
        try:
            await link.flush()
        except (Error, OSError) as error:
            raise driver_failed("Asking NATS for an answer", error) from None
        return f"{'Logged in' if servers.tells_who else 'Connected'} to NATS at {link.address}."
