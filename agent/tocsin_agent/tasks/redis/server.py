"""Which Redis server a task means, and how to log in there."""

from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

from tocsin_agent.tasks.addresses import BadUrl, host_and_port, reading_url
from tocsin_agent.tasks.tls import tls_of
from tocsin_shared.connections.base import TlsConfig
from tocsin_shared.connections.configs import RedisConfig


@dataclass(frozen=True, slots=True)
class RedisServer:
    """An address and a login."""

    host: str
    port: int
    #: Of a socket on this host; then host and port are nothing.
    path: str | None
    database: int
    username: str | None
    password: str | None = field(repr=False)
    tls: TlsConfig | None = field(repr=False)

    @property
    def name(self) -> str:
        """For people, without credentials."""
        if self.path is not None:
            return f"Redis at {self.path}"
        return f"Redis at {host_and_port(self.host, self.port)}"


def server_of(url: str, config: RedisConfig | None) -> RedisServer:
    """What the connection says goes before what the url says. Raises TaskFailed."""
    with reading_url("Redis", is_of_connection=config is not None):
        return _server(config.url if config else url, config)


def _server(url: str, config: RedisConfig | None) -> RedisServer:
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    if scheme not in ("redis", "rediss", "unix"):
        raise BadUrl("it must start with redis://, rediss:// or unix://")
    settings = parse_qs(parts.query)
    if unknown := sorted(settings.keys() - {"db"}):
        raise BadUrl(f"the setting '{unknown[0]}' is not known")
    database = settings["db"][0] if "db" in settings else "" if scheme == "unix" else parts.path.strip("/")
    if database and not database.isdecimal():
        raise BadUrl("the database must be a number")
    return RedisServer(
        host=parts.hostname or "localhost",
        port=parts.port or 6379,
        path=unquote(parts.path) if scheme == "unix" else None,
        database=int(database or 0),
        username=(config and config.username) or unquote(parts.username or "") or None,
        password=(config and config.password) or unquote(parts.password or "") or None,
        tls=None if scheme == "unix" else tls_of(config, by_address=scheme == "rediss"),
    )
