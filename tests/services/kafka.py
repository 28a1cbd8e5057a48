"""Kafka: one node that is broker and controller (KRaft), run from its published jars."""

import base64
import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.net import free_port
from tests.services import require
from tests.services.processes import Running, directory_for, running

USER, PASSWORD = "producer", "kafka-secret"
#: Longer messages are refused.
MAX_MESSAGE_BYTES = 256 * 1024

#: Where deploy/services.sh puts them.
_JARS = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "tocsin-services/kafka/jars"
#: Of a program that has little to do and should start quickly.
_JAVA_OPTIONS = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]


@dataclass(frozen=True)
class KafkaServer:
    """Where it is; `server` to kill it."""

    #: For anybody.
    port: int
    #: For who knows the password (SASL, PLAIN).
    sasl_port: int
    server: Running

    @property
    def broker(self) -> str:
        """For anybody."""
        return f"127.0.0.1:{self.port}"

    @property
    def sasl_broker(self) -> str:
        """For who knows the password."""
        return f"127.0.0.1:{self.sasl_port}"


@contextmanager
def kafka_server() -> Iterator[KafkaServer]:
    """A broker of its own that makes topics when they are first named."""
    java = require("Kafka", "java")
    jars = require("Kafka", _JARS)
    port, sasl_port, controller_port = free_port(), free_port(), free_port()
    with directory_for("kafka") as directory:
        config = directory / "server.properties"
        config.write_text(_config(directory, port, sasl_port, controller_port))
        program = [java, *_JAVA_OPTIONS, "-cp", f"{jars}/*"]
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        subprocess.run(
            [*program, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", config],
            check=True,
            capture_output=True,
        )
        with running([*program, "kafka.Kafka", config], until=port, cwd=directory) as server:
            yield KafkaServer(port, sasl_port, server)


def _config(directory: Path, port: int, sasl_port: int, controller_port: int) -> str:
    login = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    settings = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "listeners": f"OPEN://127.0.0.1:{port},LOGIN://127.0.0.1:{sasl_port},"
        f"CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"OPEN://127.0.0.1:{port},LOGIN://127.0.0.1:{sasl_port}",
        "listener.security.protocol.map": "OPEN:PLAINTEXT,LOGIN:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "OPEN",
        "controller.listener.names": "CONTROLLER",
        "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.login.plain.sasl.jaas.config": f'{login} user_{USER}="{PASSWORD}";',
        "log.dirs": str(directory / "data"),
        "message.max.bytes": str(MAX_MESSAGE_BYTES),
        "num.partitions": "1",
        "offsets.topic.num.partitions": "1",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.num.partitions": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.num.partitions": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
        "auto.create.topics.enable": "true",
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())
