"""Servers that tests of task types speak to: each is started when the first test asks, and shared."""

from collections.abc import Iterator

import pytest
from tests.integration.fleet.conftest import fleet as fleet
from tests.services.kafka import KafkaServer, kafka_server
from tests.services.mariadb import MariadbServer, mariadb_server
from tests.services.mosquitto import MosquittoServer, mosquitto_server
from tests.services.nats import NatsServer, nats_server
from tests.services.rabbitmq import RabbitmqServer, rabbitmq_server
from tests.services.redis import RedisServer, redis_server
from tests.services.sshd import SshServer, ssh_server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariadbServer]:
    with mariadb_server() as server:
        yield server


@pytest.fixture(scope="session")
def redis() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@pytest.fixture(scope="session")
def mosquitto() -> Iterator[MosquittoServer]:
    with mosquitto_server() as server:
        yield server


@pytest.fixture(scope="session")
def nats() -> Iterator[NatsServer]:
    with nats_server() as server:
        yield server


@pytest.fixture(scope="module")  # even when idle it takes a good part of a processor
def rabbitmq() -> Iterator[RabbitmqServer]:
    with rabbitmq_server() as server:
        yield server


@pytest.fixture(scope="module")  # even when idle it takes a good part of a processor
def kafka() -> Iterator[KafkaServer]:
    with kafka_server() as server:
        yield server


@pytest.fixture(scope="session")
def sshd() -> Iterator[SshServer]:
    with ssh_server() as server:
        yield server
