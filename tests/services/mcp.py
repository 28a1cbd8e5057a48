"""MCP servers of the official SDK, in a thread each, that remember the requests they got."""

import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import uvicorn
from mcp.server.mcpserver import Context, Image, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel

from tocsin_shared.wire import loads

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_App = Callable[[_Message, _Receive, _Send], Awaitable[None]]

START_SECS = 60.0
#: The smallest picture there is.
_GIF = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"


@dataclass(frozen=True)
class Request:
    """One HTTP request."""

    method: str
    headers: dict[str, str]
    #: The JSON-RPC message, if there was one.
    message: dict[str, Any] | None


@dataclass
class McpServer:
    """Where it listens, and what it was asked."""

    url: str
    requests: list[Request] = field(default_factory=list)
    #: Tools that were told to stop.
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def methods(self) -> list[str]:
        """Methods of JSON-RPC, and of HTTP where there was no message."""
        return [str(one.message["method"]) if one.message else one.method for one in self.requests]


class Sum(BaseModel):
    """A structured answer."""

    total: int


@contextmanager
def mcp_server(*, json_response: bool, key: str | None = None) -> Iterator[McpServer]:
    """Answers in JSON or in events; with a key, only whoever shows it as a bearer token."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = McpServer(f"http://127.0.0.1:{listening.getsockname()[1]}/mcp")
        app = _remembering(_tools(server).streamable_http_app(json_response=json_response), server, key)
        running = uvicorn.Server(
            uvicorn.Config(app, log_level="error", lifespan="on", timeout_graceful_shutdown=1)
        )
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + START_SECS
        while not running.started:
            assert thread.is_alive(), "the MCP server did not start"
            assert time.monotonic() < deadline, "the MCP server takes too long to start"
            time.sleep(0.01)
        try:
            yield server
        finally:
            running.should_exit = True
            thread.join(START_SECS)


def _tools(server: McpServer) -> MCPServer:
    made = MCPServer("for tests")

    @made.tool()
    def greet(name: str) -> str:
        """Greets somebody."""
        return f"Hello, {name}"

    @made.tool(structured_output=False)
    def several() -> list[Any]:
        """Texts and a picture."""
        return ["one", Image(data=_GIF, format="gif"), "two"]

    @made.tool()
    def add(a: int, b: int) -> Sum:
        """Adds."""
        return Sum(total=a + b)

    @made.tool()
    def fail() -> str:
        """Fails."""
        raise ToolError("out of paper")

    @made.tool()
    def large(size: int) -> str:
        """Much text."""
        return "x" * size

    @made.tool()
    async def slow(ctx: Context) -> str:
        """Tells of progress, for ever."""
        try:
            step = 0
            while True:
                step += 1
                await ctx.report_progress(step, 1_000, f"step {step}")
                await anyio.sleep(0.05)
        finally:
            server.stopped.set()

    return made


def _remembering(app: _App, server: McpServer, key: str | None) -> _App:
    async def serve(scope: _Message, receive: _Receive, send: _Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        if key is not None and headers.get("authorization") != f"Bearer {key}":
            await send({"type": "http.response.start", "status": 401, "headers": []})
            await send({"type": "http.response.body", "body": b"who are you?"})
            return
        body = bytearray()

        async def noted() -> _Message:
            message = await receive()
            body.extend(message.get("body", b""))
            if message["type"] == "http.request" and not message.get("more_body"):
                server.requests.append(
                    Request(scope["method"], headers, loads(bytes(body)) if body else None)
                )
            return message

        if scope["method"] != "POST":
            server.requests.append(Request(scope["method"], headers, None))
            await app(scope, receive, send)
        else:
            await app(scope, noted, send)

    return serve
