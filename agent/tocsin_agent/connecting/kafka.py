"""Kafka: logs in to one of the brokers and asks it for the cluster's."""

from tocsin_agent.tasks.kafka.access import access_of, reach
from tocsin_shared.connections.configs import KafkaConfig
from tocsin_shared.network import Reach


async def probe(config: KafkaConfig, _reach: Reach) -> str:
    """The first broker that answers counts. Raises TaskFailed."""
    access = await access_of("", config, {})
    address = await reach(access)
    return f"{'Logged in' if access.logs_in else 'Connected'} to Kafka at {address}."
