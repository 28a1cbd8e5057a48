"""A task and its connection in one, for agents that know nothing of connections."""

from typing import Any, Final

from tocsin_shared.connections.configs import CONFIGS, HttpConfig
from tocsin_shared.connections.given import GivenConnection
from tocsin_shared.connections.http import auth_headers, url_under

#: What an HTTP connection says in its own words; tasks say it with address and headers.
_SAID_OTHERWISE: Final = frozenset(
    {"base_url", "auth_type", "token", "username", "password", "header_name", "header_value"}
)
#: Where the address of a task is that an HTTP connection is for.
_ADDRESSES: Final = {"http": "url", "mcp": "server_url"}


def merged_task(task: dict[str, Any], given: GivenConnection) -> dict[str, Any]:
    """The task with the keys of the connection where it has none of its own.

    Raises pydantic's ValidationError when the connection is none of its type.
    """
    model = CONFIGS[given.conn_type]
    filling = given.config
    if model is HttpConfig:
        config = given.read(HttpConfig)
        filling = {name: value for name, value in filling.items() if name not in _SAID_OTHERWISE}
        task = _addressed(task, config)
    return task | {name: value for name, value in filling.items() if task.get(name) in (None, "")}


def _addressed(task: dict[str, Any], config: HttpConfig) -> dict[str, Any]:
    where = _ADDRESSES.get(str(task.get("type")))
    if where is None:
        return task
    url = url_under(config, task.get(where) or "")
    headers = task.get("headers") or {}
    added = auth_headers(config, url, headers)
    return {**task, where: url, **({"headers": {**headers, **added}} if added else {})}
