"""NATS, with one user, and with streams kept on disk (JetStream)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.net import free_port
from tests.services import require
from tests.services.processes import Running, directory_for, running

USER, PASSWORD = "courier", "nats-secret"
#: Longer messages are refused.
MAX_PAYLOAD_BYTES = 64 * 1024


@dataclass(frozen=True)
class NatsServer:
    """Where it is; `server` to kill it."""

    port: int
    server: Running

    @property
    def url(self) -> str:
        """Without credentials."""
        return f"nats://127.0.0.1:{self.port}"


@contextmanager
def nats_server() -> Iterator[NatsServer]:
    """A server of its own."""
    binary = require("NATS", "nats-server")
    port = free_port()
    with directory_for("nats") as directory:
        config = directory / "nats.conf"
        config.write_text(
            f'listen: "127.0.0.1:{port}"\nmax_payload: {MAX_PAYLOAD_BYTES}\n'
            f'jetstream {{ store_dir: "{directory}" }}\n'
            f'authorization {{ user: {USER}, password: "{PASSWORD}" }}\n'
        )
        with running([binary, "-c", config], until=port, cwd=directory) as server:
            yield NatsServer(port, server)
