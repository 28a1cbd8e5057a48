"""MCP tasks against servers of the official SDK, and against some that misbehave."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web
from tests.integration.tasks.running import Ran, run_task, started_task
from tests.net import free_port
from tests.services.http import web_server
from tests.services.mcp import McpServer, mcp_server

from tocsin_agent.tasks.http_caller import Caller
from tocsin_agent.tasks.mcp.client import mcp_session
from tocsin_agent.tasks.mcp.events import TooLarge, events_of
from tocsin_shared.connections.configs import HttpConfig
from tocsin_shared.executions import Stream
from tocsin_shared.network import Reach
from tocsin_shared.tasks import McpTask

KEY = "tool-key-0123456789"


@pytest.fixture(scope="module", params=["json", "events"])
def server(request: pytest.FixtureRequest) -> Iterator[McpServer]:
    with mcp_server(json_response=request.param == "json") as server:
        yield server


@pytest.fixture(scope="module")
def in_events() -> Iterator[McpServer]:
    with mcp_server(json_response=False) as server:
        yield server


def call(server_url: str, tool: str, connection: str | None = None, **arguments: Any) -> McpTask:
    return McpTask(
        type="mcp", server_url=server_url, tool=tool, arguments=arguments or None, connection=connection
    )


def ended(ran: Ran) -> tuple[str, str | None, int | None]:
    return ran.outcome.status, ran.outcome.reason, ran.outcome.exit_code


async def test_a_tool_is_called_and_its_text_is_the_output(server: McpServer) -> None:
    server.requests.clear()
    ran = await run_task(call(server.url, "greet", name="wörld"))
    assert ended(ran) == ("succeeded", None, 0)
    assert ran.text == "Hello, wörld\n"
    assert server.methods == ["initialize", "notifications/initialized", "tools/call", "DELETE"]
    first, *later = server.requests
    assert "mcp-session-id" not in first.headers
    (session,) = {one.headers["mcp-session-id"] for one in later}
    assert session
    assert {one.headers["mcp-protocol-version"] for one in later} == {"2025-06-18"}


async def test_what_is_no_text_is_printed_as_json(server: McpServer) -> None:
    ran = await run_task(call(server.url, "several"))
    one, picture, two = ran.text.splitlines()
    assert (one, two) == ("one", "two")
    assert json.loads(picture)["mimeType"] == "image/gif"
    ran = await run_task(call(server.url, "add", a=2, b=3))
    assert json.loads(ran.text) == {"total": 5}


async def test_a_tool_that_fails_fails_the_task_with_its_own_words(server: McpServer) -> None:
    ran = await run_task(call(server.url, "fail"))
    assert ended(ran) == ("failed", "driver_error", 1)
    assert "out of paper" in ran.text
    assert "The tool 'fail' failed." in ran.errors
    ran = await run_task(call(server.url, "no-such-tool"))
    assert ended(ran) == ("failed", "driver_error", 1)
    assert "no-such-tool" in ran.errors
    ran = await run_task(call(server.url, "greet", nobody=1))
    assert ended(ran) == ("failed", "driver_error", 1)


async def test_much_text_arrives_whole(server: McpServer) -> None:
    ran = await run_task(call(server.url, "large", size=3_000_000))
    assert ran.text == "x" * 3_000_000 + "\n"


async def test_progress_is_told_and_a_cancel_reaches_the_tool(in_events: McpServer) -> None:
    in_events.requests.clear()
    in_events.stopped.clear()
    async with started_task(call(in_events.url, "slow")) as running:
        await running.prints(b"progress 2 of 1000 step 2\n", Stream.STDERR)
        running.cancel()
        assert ended(await running.ended()) == ("cancelled", "cancelled", None)
    assert await asyncio.to_thread(in_events.stopped.wait, 30)
    assert in_events.methods[-2:] == ["notifications/cancelled", "DELETE"]
    cancelled = in_events.requests[-2].message
    assert cancelled is not None
    assert cancelled["params"]["requestId"] == 2


async def test_no_answer_in_time_is_a_timeout(in_events: McpServer) -> None:
    ran = await run_task(call(in_events.url, "slow"), timeout_secs=1.0)
    assert ended(ran) == ("timed_out", "timeout", None)


async def test_a_connection_gives_address_and_credentials() -> None:
    with mcp_server(json_response=True, key=KEY) as server:
        base = server.url.removesuffix("/mcp")
        good = HttpConfig(base_url=server.url, auth_type="bearer", token=KEY)
        ran = await run_task(call("", "greet", connection="test", name="x"), good)
        assert ran.text == "Hello, x\n"
        good = good.model_copy(update={"base_url": base})
        ran = await run_task(call(server.url, "greet", connection="test", name="x"), good)
        assert ended(ran) == ("succeeded", None, 0)
        wrong = HttpConfig(base_url=server.url, auth_type="bearer", token="another")
        ran = await run_task(call("", "greet", connection="test", name="x"), wrong)
        assert ended(ran) == ("failed", "login_failed", None)
        assert "who are you?" in ran.errors


async def test_the_tools_of_a_server_are_listed(server: McpServer) -> None:
    async with Caller(Reach(), None) as caller, mcp_session(caller, server.url) as session:
        tools = {tool["name"]: tool for tool in await session.tools()}
    assert {"greet", "add", "slow"} <= tools.keys()
    assert tools["greet"]["description"] == "Greets somebody."
    assert tools["greet"]["inputSchema"]["required"] == ["name"]


async def test_a_server_that_is_down_is_told() -> None:
    ran = await run_task(call(f"http://127.0.0.1:{free_port()}/mcp", "greet"))
    assert ended(ran) == ("failed", "connect_failed", None)


def scripted(*answers: web.Response | str | dict[str, Any] | None) -> Any:
    """A server that says these one after the other: JSON, events, or 202."""
    left = list(answers)

    async def answer(_: web.Request) -> web.StreamResponse:
        said = left.pop(0) if left else None
        match said:
            case None:
                return web.Response(status=202)
            case dict():
                return web.json_response(said, headers={"Mcp-Session-Id": "s-1"})
            case str():
                return web.Response(text=said, content_type="text/event-stream")
        return said

    return answer


def hello(protocol: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "result": {"protocolVersion": protocol, "capabilities": {}}}


ANSWER = '{"jsonrpc":"2.0","id":2,"result":{"content":[{"type":"text","text":"done"}]}}'


async def test_an_older_server_is_spoken_to_in_its_own_version() -> None:
    async with web_server(scripted(hello("2024-11-05"), None, f"data: {ANSWER}\n\n")) as server:
        ran = await run_task(call(server.url, "t"))
        assert ran.text == "done\n"
        assert server.header("MCP-Protocol-Version") == [None, *["2024-11-05"] * 3]
        assert server.header("Mcp-Session-Id") == [None, *["s-1"] * 3]


async def test_what_a_server_asks_in_between_is_answered() -> None:
    stream = (
        ": comment\r\n\r\nid: 1\r\ndata:\r\n\r\n"
        'event: message\r\ndata: {"jsonrpc":"2.0","id":7,"method":"ping"}\r\n\r\n'
        'data: {"jsonrpc":"2.0","id":2,"method":"sampling/createMessage","params":{}}\r\n\r\n'
        'data: {"jsonrpc":"2.0","method":"notifications/message",\r\n'
        'data: "params":{"level":"warning","data":"low ink"}}\r\n\r\n'
        f"data: {ANSWER}\r\n\r\n"
    )
    async with web_server(scripted(hello("2025-06-18"), None, stream)) as server:
        ran = await run_task(call(server.url, "t"))
        assert ran.text == "done\n"
        assert ran.errors == "warning: low ink\n"
        answers = [json.loads(one.body) for one in server.asked if one.method == "POST"][3:]
    assert answers[0] == {"jsonrpc": "2.0", "id": 7, "result": {}}
    assert answers[1]["error"]["code"] == -32601


@pytest.mark.parametrize(
    ("answers", "reason", "said"),
    [
        ([web.Response(text="<html>", content_type="text/html")], "driver_error", "This is no MCP server"),
        ([web.Response(status=500, text="oops")], "http_status", "HTTP 500"),
        ([{"jsonrpc": "2.0", "id": 1, "result": {}}], "driver_error", "which version of MCP"),
        ([hello("a\r\nb")], "driver_error", "which version of MCP"),
        ([hello("2025-06-18"), None, "data: {\n\n"], "driver_error", "Reading the server's JSON failed."),
        ([hello("2025-06-18"), None, ": bye\n\n"], "driver_error", "without an answer to tools/call"),
        ([hello("2025-06-18"), None, web.Response(status=404)], "driver_error", "has ended the session"),
        ([hello("2025-06-18"), None, "data: " + "x" * 17_000_000], "too_large", "larger than"),
    ],
    ids=[
        "a web page",
        "an error",
        "no version",
        "a bad version",
        "no JSON",
        "no answer",
        "no session",
        "large",
    ],
)
async def test_a_server_that_makes_no_sense_is_told_in_a_sentence(
    answers: list[Any], reason: str, said: str
) -> None:
    async with web_server(scripted(*answers)) as server:
        ran = await run_task(call(server.url, "t"))
    assert (ran.outcome.status, ran.outcome.reason) == ("failed", reason)
    assert said in ran.errors


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1_000])
async def test_events_are_read_however_they_are_cut(size: int) -> None:
    text = (
        b"data: one\r\n\r\ndata: two\ndata:three\n\n: c\rdata: f\xc3\xbcnf\r\revent: x\n\ndata: unfinished\n"
    )

    async def pieces() -> Any:
        for start in range(0, len(text), size):
            yield text[start : start + size]

    assert [one async for one in events_of(pieces(), 100)] == ["one", "two\nthree", "fünf"]


async def test_an_event_without_end_is_not_kept() -> None:
    async def pieces() -> Any:
        while True:
            yield b"data: x\n"

    with pytest.raises(TooLarge):
        _ = [one async for one in events_of(pieces(), 1_000)]
