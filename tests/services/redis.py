"""Redis, with a password for its default user and a second user, in the clear and over TLS."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.net import free_port
from tests.services import require
from tests.services.certificates import Certificates, certificates_in
from tests.services.processes import Running, directory_for, running

PASSWORD = "redis-secret-1"
USER, USER_PASSWORD = "worker", "redis-secret-2"


@dataclass(frozen=True)
class RedisServer:
    """Where it is; `server` to kill it."""

    port: int
    tls_port: int
    certificates: Certificates
    server: Running

    @property
    def url(self) -> str:
        """Without credentials."""
        return f"redis://127.0.0.1:{self.port}"

    @property
    def login_url(self) -> str:
        """With the default user's password."""
        return f"redis://:{PASSWORD}@127.0.0.1:{self.port}"


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """A server that keeps nothing on disk."""
    binary = require("Redis", "redis-server")
    port, tls_port = free_port(), free_port()
    with directory_for("redis") as directory:
        certificates = certificates_in(directory)
        config = directory / "redis.conf"
        config.write_text(
            f"bind 127.0.0.1\nport {port}\ndir {directory}\nsave ''\nappendonly no\n"
            f"tls-port {tls_port}\ntls-cert-file {certificates.certificate}\ntls-key-file {certificates.key}\n"
            f"tls-ca-cert-file {certificates.authority}\ntls-auth-clients no\n"
            f"user default on >{PASSWORD} ~* &* +@all\nuser {USER} on >{USER_PASSWORD} ~* &* +@all\n"
        )
        with running([binary, config], until=port, cwd=directory) as server:
            yield RedisServer(port, tls_port, certificates, server)
