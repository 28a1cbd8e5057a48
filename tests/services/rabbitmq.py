"""RabbitMQ, with one user, in the clear and over TLS."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.net import free_port
from tests.services import require
from tests.services.certificates import Certificates, certificates_in
from tests.services.processes import Running, directory_for, running, takes_connections

USER, PASSWORD = "rabbit", "rabbitmq-secret"
#: Larger messages are refused.
MAX_MESSAGE_BYTES = 100_000

#: Not the program on the path: that one insists on the account which the package has made.
_PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


@dataclass(frozen=True)
class RabbitmqServer:
    """Where it is; `server` to kill it."""

    port: int
    tls_port: int
    certificates: Certificates
    server: Running

    @property
    def url(self) -> str:
        """With credentials."""
        return f"amqp://{USER}:{PASSWORD}@127.0.0.1:{self.port}/"


@contextmanager
def rabbitmq_server() -> Iterator[RabbitmqServer]:
    """A broker of its own, with a port mapper of its own, which Erlang would otherwise leave behind."""
    binary = require("RabbitMQ", _PROGRAM)
    mapper = require("RabbitMQ", "epmd")
    port, tls_port, mapper_port, between_nodes = (free_port() for _ in range(4))
    with directory_for("rabbitmq") as directory:
        certificates = certificates_in(directory)
        config, mapping = directory / "rabbitmq.conf", directory / "epmd"
        config.write_text(
            f"listeners.tcp.1 = 127.0.0.1:{port}\ndefault_user = {USER}\ndefault_pass = {PASSWORD}\n"
            f"max_message_size = {MAX_MESSAGE_BYTES}\nlisteners.ssl.1 = 127.0.0.1:{tls_port}\n"
            f"ssl_options.cacertfile = {certificates.authority}\nssl_options.certfile = {certificates.certificate}\n"
            f"ssl_options.keyfile = {certificates.key}\nssl_options.verify = verify_none\n"
        )
        mapping.mkdir()
        env = {
            "HOME": str(directory),
            "ERL_EPMD_PORT": str(mapper_port),
            "RABBITMQ_NODENAME": f"tocsin{port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_DIST_PORT": str(between_nodes),
            "RABBITMQ_BASE": str(directory),
            "RABBITMQ_CONF_ENV_FILE": str(directory / "none"),
            "RABBITMQ_CONFIG_FILE": str(config),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(directory / "mnesia"),
            "RABBITMQ_LOG_BASE": str(directory / "log"),
            # Two schedulers are plenty; more only spin beside the tests.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none",
        }
        argv = [mapper, "-port", str(mapper_port), "-address", "127.0.0.1"]

        def is_up() -> bool:
            return takes_connections(port) and takes_connections(tls_port)

        with (
            running(argv, until=mapper_port, cwd=mapping),
            running([binary], until=is_up, cwd=directory, env=env) as server,
        ):
            yield RabbitmqServer(port, tls_port, certificates, server)
