"""NATS, with one user, and with streams kept on disk (JetStream)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.net import free_port
from tests.services import require
from tests.services.certificates import certificates_in
from tests.services.processes import Running, directory_for, running

USER, PASSWORD = "courier", "nats-secret"
#: Nobody may publish on this subject.
FORBIDDEN = "secret.orders"
#: Longer messages are refused.
MAX_PAYLOAD_BYTES = 64 * 1024


@dataclass(frozen=True)
class NatsServer:
    """Where it is; `server` to kill it."""

    port: int
    server: Running
    #: Whom to trust, in PEM, if it speaks TLS (with a certificate for `certificates.SERVER_NAME`).
    ca: str | None = None

    @property
    def url(self) -> str:
        """Without credentials."""
        return f"nats://127.0.0.1:{self.port}"


@contextmanager
def nats_server(*, with_tls: bool = False, token: str | None = None) -> Iterator[NatsServer]:
    """A server of its own; with a token it knows that instead of the user."""
    binary = require("NATS", "nats-server")
    port = free_port()
    with directory_for("nats") as directory:
        config = directory / "nats.conf"
        made = certificates_in(directory) if with_tls else None
        tls = f'tls {{ cert_file: "{made.certificate}", key_file: "{made.key}" }}\n' if made else ""
        user = f'user: {USER}, password: "{PASSWORD}", permissions: {{ publish: {{ deny: "{FORBIDDEN}" }} }}'
        who = f'token: "{token}"' if token else f"users: [{{ {user} }}]"
        config.write_text(
            f'listen: "127.0.0.1:{port}"\nmax_payload: {MAX_PAYLOAD_BYTES}\n'
            f'jetstream {{ store_dir: "{directory}" }}\n'
            f"authorization {{ {who} }}\n{tls}"
        )
        with running([binary, "-c", config], until=port, cwd=directory) as server:
            yield NatsServer(port, server, made.ca if made else None)
