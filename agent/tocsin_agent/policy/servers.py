"""The servers that a task is going to speak to, read from its task and its connection. Pure.

Every driver reads addresses in its own way. So this finds all that one of them could mean, and where it does not
understand, it says so instead of finding nothing.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from tocsin_shared.connections.configs import CONFIGS
from tocsin_shared.connections.given import GivenConnection
from tocsin_shared.network import literal_address
from tocsin_shared.protocol import Assignment
from tocsin_shared.tasks.fields import ConnectedTask

Server = tuple[str, int]

#: Speaking to a socket in the file system is speaking to this host.
_THIS_HOST: Final = "localhost"
_URL_FIELDS: Final = ("connection_string", "url", "server_url", "base_url", "endpoint")
_HOST_FIELDS: Final = ("host", "broker")
#: Types whose address is looked at where the connection is made, redirects included.
_CHECKED_LATER: Final = ("http", "mcp")

_SERVER: Final = re.compile(r"(?:\[(?P<six>[^\[\]]+)\]|(?P<host>[^:\[\]]*))(?::(?P<port>[0-9]{0,5}))?")
_NAME: Final = re.compile(r"[\w.-]+")
_NEXT_URL: Final = re.compile(r"\s*,\s*(?=[a-z]+://)", re.IGNORECASE)
#: In parameters of URLs, and in `name=value` words of libpq.
_HOST_NAMES: Final = ("host", "hostaddr")
_SOCKET_NAMES: Final = ("socket", "unix_socket")
_WORD: Final = re.compile(r"\bhost(?:addr)?\s*=\s*(?:'([^']*)'|(\S*))", re.IGNORECASE)


class Unreadable(Exception):
    """What is to be called can't be told from its address, so nobody knows whether it may be."""

    def __init__(self) -> None:
        super().__init__("There is a network policy, and what this address means can't be told.")


def servers_of(assignment: Assignment) -> list[Server]:
    """Hosts and ports. Empty for tasks that speak to none, or whose connections are checked as they are made.

    Raises Unreadable.
    """
    task = assignment.task
    if not isinstance(task, ConnectedTask) or getattr(task, "driver", None) == "sqlite":
        return []
    if task.type in _CHECKED_LATER:
        return []
    given: dict[str, Any] = dict(assignment.connection.config) if assignment.connection else {}
    said = {**task.model_dump(exclude_none=True), **given}
    return _servers(said, _default_port(assignment, task), is_s3=task.type == "s3")


def servers_of_connection(connection: GivenConnection) -> list[Server]:
    """Hosts and ports of a connection by itself. Empty for a file. Raises Unreadable."""
    config = CONFIGS.get(connection.conn_type)
    if config is None or connection.conn_type == "sqlite":
        return []
    return _servers(connection.config, config.default_port or 0, is_s3=connection.conn_type == "s3")


def _servers(said: Mapping[str, Any], default_port: int, *, is_s3: bool) -> list[Server]:
    port = said.get("port") or default_port
    found: list[Server] = []
    for field in _HOST_FIELDS:
        found += _hosts(str(said.get(field) or ""), port)
    for field in _URL_FIELDS:
        found += _of_urls(str(said.get(field) or ""), port)
    if not found and is_s3:
        found.append(("s3.amazonaws.com", 443))
    if not found:
        raise Unreadable
    return found


def _default_port(assignment: Assignment, task: ConnectedTask) -> int:
    kind = assignment.connection.conn_type if assignment.connection else task.connection_types[0]
    config = CONFIGS.get(kind)
    return (config.default_port if config else None) or 0


def _of_urls(text: str, port: int) -> Iterator[Server]:
    """One URL with one or more hosts, several URLs with commas between them, or libpq's words."""
    if text and "://" not in text:
        yield from _of_words(text, port)
        return
    for url in _NEXT_URL.split(text) if text else []:
        yield from _of_url(url, port)


def _of_url(url: str, port: int) -> Iterator[Server]:
    scheme, _, rest = url.partition("://")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if scheme.lower() == "unix":
        yield _THIS_HOST, port
        return
    try:
        # All of the rest: drivers do not agree on where parameters begin.
        given = parse_qsl(rest[len(authority) :].partition("?")[2], keep_blank_values=True)
    except ValueError:
        raise Unreadable from None
    named = [value for name, value in given if name.lower() in _HOST_NAMES]
    for value in named:
        yield from _hosts(value, port)
    if any(name.lower() in _SOCKET_NAMES for name, _ in given):
        yield _THIS_HOST, port
    servers = authority.rpartition("@")[2]
    if servers or not named:
        yield from _hosts(servers or _THIS_HOST, port)


def _of_words(text: str, port: int) -> Iterator[Server]:
    if "\\" in text:
        raise Unreadable
    values = [found[1] or found[2] or "" for found in _WORD.finditer(text)]
    for value in values or [_THIS_HOST]:
        yield from _hosts(value or _THIS_HOST, port)


def _hosts(text: str, port: int) -> Iterator[Server]:
    """`host`, `host:port`, `[::1]:port`, a socket's path, or several with commas between them."""
    for one in text.split(",") if text else []:
        yield _server(one.strip(" "), port)


def _server(text: str, port: int) -> Server:
    if unquote(text).startswith(("/", "@")):
        return _THIS_HOST, port
    if "[" not in text and text.count(":") > 1:
        host = text
    elif (found := _SERVER.fullmatch(text)) is not None:
        host, port = found["six"] or unquote(found["host"]) or _THIS_HOST, int(found["port"] or port)
    else:
        raise Unreadable
    if ":" in host:
        if literal_address(host) is None:
            raise Unreadable
    elif not _NAME.fullmatch(host):
        raise Unreadable
    return host, port
