"""MQTT: connects with the credentials."""

from dataclasses import replace
from uuid import uuid4

from tocsin_agent.tasks.mqtt.link import MqttLink
from tocsin_agent.tasks.mqtt.server import configured
from tocsin_shared.connections.configs import MqttConfig
from tocsin_shared.network import Reach


async def probe(config: MqttConfig, _reach: Reach) -> str:
    """Raises TaskFailed."""
    # Not with the connection's own client_id: whoever uses that now would be thrown out.
    server = replace(configured(config), client_id=f"tocsin-{uuid4().hex[:16]}", is_known=False)
    link = MqttLink(server)
    try:
        await link.open()
    finally:
        await link.close()
    return f"Logged in to {server.name}."
