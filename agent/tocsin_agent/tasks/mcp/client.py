"""One session with an MCP server: JSON-RPC over Streamable HTTP.

Each request is a POST; its answer is one JSON document or a stream of events, in which the server may tell of progress,
log, and ask in turn. Of what servers can ask, only `ping` is answered.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from typing import Any, Final

import aiohttp

from tocsin_agent.tasks.driving import TaskFailed, driver_failed, login_refused, one_line
from tocsin_agent.tasks.http_caller import Caller
from tocsin_agent.tasks.mcp.events import TooLarge, events_of
from tocsin_shared.executions import Reason
from tocsin_shared.wire import dumps, loads

Json = dict[str, Any]
#: Told of every notification: its method and its params.
OnNotification = Callable[[str, Json], None]

#: What is offered. The server may answer with another version; what is used here is the same in all of them.
PROTOCOL_VERSION: Final = "2025-06-18"
#: Of one message.
MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024
#: Saying goodbye may take so long, whatever the server does.
GOODBYE_SECS: Final = 3.0
#: `tools/list` comes in pages.
_MOST_PAGES: Final = 20

_METHOD_NOT_FOUND: Final = -32601


class McpSession:
    """Made by `mcp_session`."""

    def __init__(
        self, caller: Caller, url: str, on_notification: OnNotification, max_message_bytes: int
    ) -> None:
        self._caller = caller
        self._url = url
        self._on_notification = on_notification
        self._max_bytes = max_message_bytes
        self._headers = {
            "Accept": "application/json, text/event-stream",
            "Content-Type": "application/json",
        }
        self._session_header: dict[str, str] = {}
        self._last_id = 0

    async def initialize(self) -> None:
        """The handshake."""
        said = await self._request(
            "initialize",
            {
                "protocolVersion": PROTOCOL_VERSION,
                "capabilities": {},
                "clientInfo": {"name": "tocsin", "version": version("tocsin-agent")},
            },
        )
        agreed = said.get("protocolVersion")
        if not isinstance(agreed, str) or not agreed.isascii() or not agreed.isprintable():
            raise TaskFailed(Reason.DRIVER_ERROR, "The server does not say which version of MCP it speaks.")
        self._headers["MCP-Protocol-Version"] = agreed
        await self._notify("notifications/initialized")

    async def call_tool(self, tool: str, arguments: Json | None) -> Json:
        """The result of a tool. Cancelled, it tells the server that nobody waits any more."""
        params: Json = {"name": tool, "arguments": arguments or {}, "_meta": {"progressToken": 1}}
        return await self._request("tools/call", params, is_cancellable=True)

    async def tools(self) -> list[Json]:
        """Every tool, as the server describes it."""
        found: list[Json] = []
        cursor: Any = None
        for _ in range(_MOST_PAGES):
            said = await self._request("tools/list", {} if cursor is None else {"cursor": cursor})
            page = said.get("tools")
            if not isinstance(page, list):
                raise TaskFailed(Reason.DRIVER_ERROR, "The server's list of tools is none.")
            found += page
            cursor = said.get("nextCursor")
            if cursor is None:
                return found
        raise TaskFailed(Reason.TOO_LARGE, f"The server's list of tools has more than {_MOST_PAGES} pages.")

    async def close(self) -> None:
        """End the session on the server's side, if it keeps one."""
        if self._session_header:
            with suppress(TaskFailed):
                async with self._caller.ask("DELETE", self._url, self._headers | self._session_header):
                    pass

    async def _request(self, method: str, params: Json, *, is_cancellable: bool = False) -> Json:
        self._last_id += 1
        number = self._last_id
        try:
            return await self._answer(number, method, params)
        except asyncio.CancelledError:
            if is_cancellable:
                reason = {"requestId": number, "reason": "The task was stopped."}
                with suppress(TaskFailed, TimeoutError):
                    async with asyncio.timeout(GOODBYE_SECS / 2):
                        await self._notify("notifications/cancelled", reason)
            raise

    async def _answer(self, number: int, method: str, params: Json) -> Json:
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        async with self._post(message) as response:
            if (session := response.headers.get("Mcp-Session-Id")) and method == "initialize":
                self._session_header = {"Mcp-Session-Id": session}
            async for said in _messages(response, self._max_bytes):
                if said.get("id") == number and "method" not in said:
                    return _result(method, said)
                await self._heed(said)
        raise TaskFailed(Reason.DRIVER_ERROR, f"The server ended the stream without an answer to {method}.")

    async def _heed(self, said: Json) -> None:
        """What a server says besides the answer."""
        method = said.get("method")
        if not isinstance(method, str):
            return
        number = said.get("id")
        if number is None:
            params = said.get("params")
            self._on_notification(method, params if isinstance(params, dict) else {})
        elif method == "ping":
            await self._send({"jsonrpc": "2.0", "id": number, "result": {}})
        else:
            error = {"code": _METHOD_NOT_FOUND, "message": "Method not found"}
            await self._send({"jsonrpc": "2.0", "id": number, "error": error})

    async def _notify(self, method: str, params: Json | None = None) -> None:
        await self._send({"jsonrpc": "2.0", "method": method} | ({"params": params} if params else {}))

    async def _send(self, message: Json) -> None:
        """For what has no answer."""
        async with self._post(message):
            pass

    @asynccontextmanager
    async def _post(self, message: Json) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = self._headers | self._session_header
        async with self._caller.ask("POST", self._url, headers, dumps(message)) as response:
            if response.status in (401, 403):
                raise login_refused("The MCP server", await _beginning(response))
            if response.status == 404 and self._session_header:
                raise TaskFailed(Reason.DRIVER_ERROR, "The server has ended the session.")
            if not 200 <= response.status < 300:
                raise TaskFailed(
                    Reason.HTTP_STATUS,
                    f"The MCP server answered with HTTP {response.status}.",
                    await _beginning(response),
                )
            yield response


@asynccontextmanager
async def mcp_session(
    caller: Caller,
    url: str,
    on_notification: OnNotification = lambda _method, _params: None,
    *,
    max_message_bytes: int = MAX_MESSAGE_BYTES,
) -> AsyncIterator[McpSession]:
    """A session after its handshake; the server is told of its end, within a bounded time. Raises TaskFailed."""
    session = McpSession(caller, url, on_notification, max_message_bytes)
    try:
        await session.initialize()
        yield session
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_SECS / 2):
                await session.close()


async def _messages(response: aiohttp.ClientResponse, max_bytes: int) -> AsyncIterator[Json]:
    try:
        if response.content_type == "text/event-stream":
            async for text in events_of(response.content.iter_any(), max_bytes):
                if text:  # one without data only gives the stream an id
                    for one in _parsed(text):
                        yield one
        elif response.content_type == "application/json":
            body = bytearray()
            async for piece in response.content.iter_any():
                body += piece
                if len(body) > max_bytes:
                    raise TooLarge
            for one in _parsed(bytes(body)):
                yield one
        else:
            shown = f"Content-Type is {response.content_type}"
            raise TaskFailed(Reason.DRIVER_ERROR, "This is no MCP server, going by its answer.", shown)
    except TooLarge:
        message = f"The server's answer is larger than {max_bytes} bytes."
        raise TaskFailed(Reason.TOO_LARGE, message) from None


def _parsed(text: str | bytes) -> list[Json]:
    """One message, or the several of a batch."""
    try:
        said = loads(text)
    except ValueError as error:
        raise driver_failed("Reading the server's JSON", error) from None
    return [one for one in (said if isinstance(said, list) else [said]) if isinstance(one, dict)]


def _result(method: str, said: Json) -> Json:
    error, result = said.get("error"), said.get("result")
    if isinstance(error, dict):
        text = f"{error.get('message', '')} (code {error.get('code')})"
        raise TaskFailed(Reason.DRIVER_ERROR, f"The server refused {method}.", text, exit_code=1)
    if not isinstance(result, dict):
        raise TaskFailed(Reason.DRIVER_ERROR, f"The server's answer to {method} makes no sense.")
    return result


async def _beginning(response: aiohttp.ClientResponse) -> str:
    """Of an error's text."""
    return one_line((await response.content.read(1_000)).decode("utf-8", "replace"))
