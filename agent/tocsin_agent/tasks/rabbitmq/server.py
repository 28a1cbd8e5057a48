"""Which RabbitMQ broker a task means, and who logs in there."""

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from yarl import URL

from tocsin_agent.tasks.addresses import BadUrl, host_and_port, reading_url
from tocsin_agent.tasks.tls import tls_of
from tocsin_shared.connections.base import TlsConfig
from tocsin_shared.connections.configs import RabbitmqConfig

_PORT = 5672
_TLS_PORT = 5671
#: A broker that is silent for three times as long is given up.
_HEARTBEAT_SECS = 20


@dataclass(frozen=True, slots=True)
class RabbitmqServer:
    """An address and a login."""

    #: As the driver takes it.
    url: URL = field(repr=False)
    tls: TlsConfig | None = field(repr=False)

    @property
    def name(self) -> str:
        """For people, without credentials."""
        return f"RabbitMQ at {host_and_port(self.url.host or '', self.url.port)}"

    @property
    def virtual_host(self) -> str:
        """Its name."""
        return self.url.path.removeprefix("/").replace("%2F", "/") or "/"


def server_of(url: str, config: RabbitmqConfig | None) -> RabbitmqServer:
    """What the connection says goes before what the url says. Raises TaskFailed."""
    with reading_url("RabbitMQ", is_of_connection=config is not None):
        return _server(config.url if config else url, config)


def _server(url: str, config: RabbitmqConfig | None) -> RabbitmqServer:
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    if scheme not in ("amqp", "amqps"):
        raise BadUrl("it must start with amqp:// or amqps://")
    if parts.query:
        # The driver would take files of this host from there, and switch off what protects the login.
        raise BadUrl("settings after a question mark are not taken")
    tls = tls_of(config, by_address=scheme == "amqps")
    built = URL.build(
        scheme="amqps" if tls else "amqp",
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        host=parts.hostname or "localhost",
        port=parts.port or (_TLS_PORT if tls else _PORT),
        # A slash in the name of a virtual host is written so.
        path="/" + unquote(parts.path.removeprefix("/")).replace("/", "%2F"),
        query={"heartbeat": str(_HEARTBEAT_SECS)},
    )
    return RabbitmqServer(built, tls)
