"""Where a PostgreSQL server is: URLs and libpq's `name=value` words, and nothing of the agent's own environment."""

import getpass
import re
import ssl
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from tocsin_agent.tasks.driving import TaskFailed
from tocsin_agent.tasks.tls import context_of
from tocsin_shared.connections.base import TlsConfig
from tocsin_shared.executions import Reason

#: Parameters that mean something to libpq alone, or choose what is done here anyway.
_IGNORED: Final = frozenset(
    {"channel_binding", "client_encoding", "connect_timeout", "fallback_application_name", "gssencmode"}
    | {"keepalives", "keepalives_count", "keepalives_idle", "keepalives_interval", "load_balance_hosts"}
    | {"require_auth", "sslcompression", "sslsni", "tcp_user_timeout"}
)
_WORD: Final = re.compile(
    r"\s*(?P<name>[A-Za-z_]+)\s*=\s*(?:'(?P<quoted>(?:[^'\\]++|\\.)*+)'|(?P<bare>(?:[^\s'\\]++|\\.)*+))(?=\s|\Z)",
    re.DOTALL,
)
_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


@dataclass(frozen=True, slots=True)
class PostgresAddress:
    """What it takes to log in."""

    hosts: list[str]
    ports: list[int]
    user: str
    password: str = field(repr=False)
    database: str
    settings: dict[str, str]
    sessions: str | None
    #: As asyncpg takes it.
    ssl: ssl.SSLContext | str | bool | None

    @property
    def what(self) -> str:
        """The servers, for messages."""
        pairs = zip(self.hosts, self.ports, strict=True)
        return "PostgreSQL at " + ", ".join(
            host if host.startswith("/") else f"{host}:{port}" for host, port in pairs
        )


def postgres_address(connection_string: str, config: TlsConfig | None) -> PostgresAddress:
    """Read it. Looks at files, so call it in a thread. Raises TaskFailed, without what stands in it."""
    try:
        if re.match(r"postgres(?:ql)?://", connection_string, re.IGNORECASE):
            given = _of_url(connection_string)
        else:
            given = _of_words(connection_string)
        return _address(given, config)
    except _Unreadable as error:
        raise TaskFailed(Reason.BAD_CONNECTION, f"The connection string can't be read: {error}.") from None


class _Unreadable(ValueError):
    """The message names no value."""


def _of_url(url: str) -> dict[str, str]:
    rest = url.partition("://")[2]
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    login, _, servers = authority.rpartition("@")
    try:
        parts = urlsplit("postgresql://h" + rest[len(authority) :])
        query = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise _Unreadable("its parameters are no name=value pairs joined by &") from None
    given = {"user": "", "password": ""}
    user, _, password = login.partition(":")
    given["user"], given["password"] = unquote(user), unquote(password)
    hosts, ports = [], []
    for server in servers.split(",") if servers else []:
        found = re.fullmatch(r"(?:\[(?P<v6>[^\]]*)\]|(?P<host>[^:]*))(?::(?P<port>[0-9]*))?", server)
        if found is None:
            raise _Unreadable("its hosts are no host:port")
        hosts.append(unquote(found["v6"] or found["host"] or ""))
        ports.append(found["port"] or "")
    given["host"], given["port"] = ",".join(hosts), ",".join(ports)
    if "@" in parts.path:
        raise _Unreadable("characters like / and ? in its password have to be percent-encoded")
    given["dbname"] = unquote(parts.path.removeprefix("/"))
    return given | dict(query)


def _of_words(text: str) -> dict[str, str]:
    given: dict[str, str] = {}
    at = 0
    while at < len(text.rstrip()):
        found = _WORD.match(text, at)
        if found is None:
            raise _Unreadable("it is neither a postgresql:// URL nor words like host=... dbname=...")
        value = found["bare"] if found["quoted"] is None else found["quoted"]
        given[found["name"].lower()] = re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL)
        at = found.end()
    return given


def _address(given: dict[str, str], config: TlsConfig | None) -> PostgresAddress:
    left = {name: value for name, value in given.items() if name not in _IGNORED}

    def take(name: str, otherwise: str = "") -> str:
        return left.pop(name, "") or otherwise

    hosts = [host or "localhost" for host in take("host", take("hostaddr", "localhost")).split(",")]
    left.pop("hostaddr", None)
    ports = [int(port) if port.isdecimal() else 5432 for port in take("port").split(",")]
    if len(ports) == 1:
        ports *= len(hosts)
    if len(ports) != len(hosts):
        raise _Unreadable("it has another number of ports than of hosts")
    user = take("user") or getpass.getuser()
    options = take("options")
    settings = {
        "application_name": take("application_name", "tocsin"),
        # What the values of variables were quoted for, and how times are printed.
        "standard_conforming_strings": "on",
        "datestyle": "ISO",
    }
    if options:
        settings["options"] = options
    address = PostgresAddress(
        hosts=hosts,
        ports=ports,
        user=user,
        password=take("password"),
        database=take("dbname", user),
        settings=settings,
        sessions=take("target_session_attrs") or None,
        ssl=_tls(
            take("sslmode"), take("sslrootcert"), take("sslcert"), take("sslkey"), take("sslpassword"), config
        ),
    )
    if left:
        raise _Unreadable(f"its parameter {min(left)[:64]} is not known here")
    return address


def _tls(
    mode: str, root: str, certificate: str, key: str, passphrase: str, config: TlsConfig | None
) -> ssl.SSLContext | str | bool:
    if config is not None and _says_something(config):
        return False if config.tls is False else context_of(config)
    if mode and mode not in _MODES:
        raise _Unreadable(f"sslmode is none of {', '.join(_MODES)}")
    if mode == "disable":
        return False
    if mode in ("", "allow", "prefer"):
        return mode or "prefer"
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = mode == "verify-full"
        if mode == "require" and not root:
            context.verify_mode = ssl.CERT_NONE
        elif root and root != "system":
            context.load_verify_locations(cafile=root)
        else:
            context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        if certificate:
            context.load_cert_chain(certificate, key or None, password=lambda: passphrase)
    except OSError as error:
        message = "The certificates that the connection string names can't be used."
        raise TaskFailed(Reason.BAD_CONNECTION, message, error) from None
    return context


def _says_something(config: TlsConfig) -> bool:
    return bool({name for name in config.given() if name.startswith("tls")})
