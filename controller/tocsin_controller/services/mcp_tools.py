"""Which tools an MCP server has, for whoever writes a task: asked from here, under this controller's network policy."""

import asyncio
from typing import Any, Final

from tocsin_agent.runtime.redaction import Redactor, forms_of
from tocsin_agent.tasks.driving import TaskFailed
from tocsin_agent.tasks.http_caller import Caller, url_of
from tocsin_agent.tasks.mcp.client import mcp_session
from tocsin_controller.security.using_connections import Given
from tocsin_controller.security.values import Unfilled
from tocsin_shared.connections.configs import HttpConfig
from tocsin_shared.errors import InvalidInput
from tocsin_shared.network import Reach

LONGEST_SECS: Final = 15.0
#: Of one answer of the server.
MAX_ANSWER_BYTES: Final = 1024 * 1024


async def tools_of(
    reach: Reach, server_url: str, connection: Given | Unfilled | None
) -> list[dict[str, Any]]:
    """The tools as the server describes them. Raises InvalidInput, which says what went wrong."""
    config = _config(connection)
    try:
        async with (
            asyncio.timeout(LONGEST_SECS),
            Caller(reach, config) as caller,
            mcp_session(caller, url_of(server_url, config), max_message_bytes=MAX_ANSWER_BYTES) as session,
        ):
            return await session.tools()
    except TaskFailed as failure:
        raise InvalidInput(await asyncio.to_thread(_without_secrets, failure.text, connection)) from None
    except TimeoutError:
        raise InvalidInput(f"The MCP server gave no answer within {LONGEST_SECS:g} seconds.") from None


def _config(connection: Given | Unfilled | None) -> HttpConfig | None:
    if connection is None:
        return None
    if isinstance(connection, Unfilled):
        raise InvalidInput.field("connection", connection.message)
    given = connection.connection
    if given.conn_type != "http":
        raise InvalidInput.field("connection", f"is of type {given.conn_type}, but must be http")
    return given.read(HttpConfig)


def _without_secrets(text: str, connection: Given | Unfilled | None) -> str:
    """A server may say back what it was told."""
    if not isinstance(connection, Given):
        return text
    redactor = Redactor(forms_of(list(connection.secrets)))
    return (redactor.feed(text.encode()) + redactor.rest()).decode("utf-8", "replace")
