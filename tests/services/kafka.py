"""Kafka: one node that is broker and controller, run from its jars, with a listener for each way to speak to it."""

import base64
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization

from tests.net import free_port
from tests.services import FETCHED, require
from tests.services.processes import Running, directory_for, running

#: May log in by SASL/PLAIN and SCRAM.
USER, PASSWORD = "producer", "kafka-secret"
#: The largest batch that the broker takes.
MAX_MESSAGE_BYTES = 256 * 1024
#: Of a program that has little to do and should start quickly, and says why when it does not.
_JAVA_OPTIONS = (
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-Xshare:auto",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
)
_LISTENERS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL", "CONTROLLER")


@dataclass(frozen=True)
class KafkaServer:
    """Where it is; `server` to kill it."""

    #: By security protocol.
    ports: dict[str, int]
    #: Whom to trust, in PEM. The certificate is for `kafka.test` alone.
    ca: str
    server: Running

    @property
    def port(self) -> int:
        """For anybody, without TLS."""
        return self.ports["PLAINTEXT"]

    @property
    def broker(self) -> str:
        """For anybody, without TLS."""
        return self.at("PLAINTEXT")

    @property
    def sasl_broker(self) -> str:
        """For who knows the password."""
        return self.at("SASL_PLAINTEXT")

    def at(self, protocol: str) -> str:
        """`host:port` of a listener."""
        return f"127.0.0.1:{self.ports[protocol]}"


@contextmanager
def kafka_server() -> Iterator[KafkaServer]:
    """A cluster of one, which makes topics when they are first named."""
    java = require("Java", "java")
    jars = require("Kafka", FETCHED / "kafka" / "jars")
    ports = {name: free_port() for name in _LISTENERS}
    authority = trustme.CA()
    with directory_for("kafka") as directory:
        (directory / "server.pem").write_bytes(_certificate(authority, "kafka.test"))
        config = directory / "server.properties"
        config.write_text(_config(directory, ports))
        program: list[str | Path] = [java, *_JAVA_OPTIONS, "-cp", f"{jars}/*"]
        scram = [
            word
            for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
            for word in ("--add-scram", f"{mechanism}=[name={USER},password={PASSWORD},iterations=4096]")
        ]
        subprocess.run(
            [*program, "kafka.tools.StorageTool", "format", "--standalone", "--config", config,
             "--cluster-id", "4L6g3nShT-eMCtK--X86sw", *scram],
            check=True, capture_output=True, cwd=directory,
        )  # fmt: skip
        argv = [*program, "kafka.Kafka", config]
        with running(argv, until=ports["PLAINTEXT"], cwd=directory) as server:
            yield KafkaServer(ports, authority.cert_pem.bytes().decode(), server)


def token_for(name: str, lasts_secs: float = 3_600) -> str:
    """One that the broker takes: not signed, for it knows no issuer."""
    now = time.time()
    claims = {"sub": name, "iat": now - 60, "exp": now + lasts_secs}
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()) for part in ({"alg": "none"}, claims)]
    return ".".join([part.rstrip(b"=").decode() for part in parts] + [""])


def _certificate(authority: trustme.CA, name: str) -> bytes:
    """With its key in the only form that Kafka reads."""
    issued = authority.issue_cert(name)
    key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
    form = (
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return key.private_bytes(*form) + b"".join(blob.bytes() for blob in issued.cert_chain_pems)


def _config(directory: Path, ports: dict[str, int]) -> str:
    kinds = {name: "PLAINTEXT" if name == "CONTROLLER" else name for name in ports}
    login = "org.apache.kafka.common.security"
    lines = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.bootstrap.servers": f"127.0.0.1:{ports['CONTROLLER']}",
        "controller.listener.names": "CONTROLLER",
        "listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items()),
        "listener.security.protocol.map": ",".join(f"{name}:{kind}" for name, kind in kinds.items()),
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": directory / "data",
        "num.partitions": 1,
        "auto.create.topics.enable": "true",
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 1,
        "transaction.state.log.num.partitions": 1,
        "share.coordinator.state.topic.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
        "message.max.bytes": MAX_MESSAGE_BYTES,
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": directory / "server.pem",
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
    }
    for name in ports:
        if name.startswith("SASL"):
            prefix = f"listener.name.{name.lower()}"
            lines[f"{prefix}.plain.sasl.jaas.config"] = (
                f'{login}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
            )
            lines[f"{prefix}.oauthbearer.sasl.jaas.config"] = (
                f"{login}.oauthbearer.OAuthBearerLoginModule required;"
            )
            for mechanism in ("scram-sha-256", "scram-sha-512"):
                lines[f"{prefix}.{mechanism}.sasl.jaas.config"] = f"{login}.scram.ScramLoginModule required;"
    return "".join(f"{name}={value}\n" for name, value in lines.items())
