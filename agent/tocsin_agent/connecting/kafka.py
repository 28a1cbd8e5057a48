"""Kafka: logs in to one of the brokers and asks it for the cluster's."""

from tocsin_agent.tasks.kafka.access import access_of, reach
from tocsin_shared.connections.configs import KafkaConfig
from tocsin_shared.network import Reach


async def probe(config: KafkaConfig, _reach: Reach) -> str:
    """The first broker that answers counts. Raises TaskFailed."""
    address = await reach(await access_of("", config, {}))
    return f"{'Connected' if config.username is None else 'Logged in'} to Kafka at {address}."
