"""The servers that a task is going to speak to, read from its task and its connection. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from tocsin_shared.connections import CONFIGS, GivenConnection
from tocsin_shared.protocol import Assignment
from tocsin_shared.tasks.fields import ConnectedTask

Server = tuple[str, int]

#: Speaking to a socket in the file system is speaking to this host.
_THIS_HOST: Final = "localhost"
_URL_FIELDS: Final = ("connection_string", "url", "server_url", "base_url", "endpoint")
_HOST_FIELDS: Final = ("host", "broker")
#: Types whose address is looked at where the connection is made, redirects included.
_CHECKED_LATER: Final = ("http", "mcp")


def servers_of(assignment: Assignment) -> list[Server]:
    """Hosts and ports. Empty for tasks that speak to none, or whose connections are checked as they are made."""
    task = assignment.task
    if not isinstance(task, ConnectedTask) or getattr(task, "driver", None) == "sqlite":
        return []
    if task.type in _CHECKED_LATER:
        return []
    given: dict[str, Any] = dict(assignment.connection.config) if assignment.connection else {}
    said = {**task.model_dump(exclude_none=True), **given}
    return _servers(said, _default_port(assignment, task), is_s3=task.type == "s3")


def servers_of_connection(connection: GivenConnection) -> list[Server]:
    """Hosts and ports of a connection by itself. Empty for a file."""
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
    return found


def _default_port(assignment: Assignment, task: ConnectedTask) -> int:
    kind = assignment.connection.conn_type if assignment.connection else task.connection_types[0]
    config = CONFIGS.get(kind)
    return (config.default_port if config else None) or 0


def _hosts(text: str, port: int) -> Iterator[Server]:
    """`host`, `host:port`, `[::1]:port`, or several with commas between them."""
    for one in filter(None, text.split(",")):
        yield _host_and_port(one, port)


def _of_urls(text: str, port: int) -> Iterator[Server]:
    """One URL with one or more hosts, or several URLs with commas between them."""
    scheme, sign, rest = text.partition("://")
    if not sign:
        return
    if scheme.lower() == "unix":
        yield (_THIS_HOST, port)
        return
    netloc = rest.partition("/")[0].partition("?")[0].partition("#")[0] if "://" not in rest else ""
    if "://" in rest:
        for one in text.split(","):
            yield from _of_urls(one if "://" in one else f"{scheme}://{one}", port)
        return
    in_query = [host for name in ("host", "hostaddr") for host in _query(text).get(name, [])]
    for host in in_query:
        yield from ([(_THIS_HOST, port)] if host.startswith("/") else _hosts(host, port))
    hosts = list(_hosts(netloc.rpartition("@")[2], port))
    yield from hosts or ([] if in_query else [(_THIS_HOST, port)])


def _query(url: str) -> dict[str, list[str]]:
    try:
        return parse_qs(urlsplit(url).query)
    except ValueError:
        return {}


def _host_and_port(text: str, port: int) -> Server:
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        tail = rest.removeprefix(":")
    elif text.count(":") > 1:
        return text, port
    else:
        host, _, tail = text.partition(":")
    return host or _THIS_HOST, int(tail) if tail.isascii() and tail.isdigit() else port
