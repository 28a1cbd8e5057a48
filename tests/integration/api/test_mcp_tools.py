"""Asking MCP servers for their tools, from the controller."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import pytest
from aiohttp import web
from tests.integration.api.conftest import Api, Serve
from tests.net import free_port
from tests.services.http import web_server
from tests.services.mcp import McpServer, mcp_server

from tocsin_controller.security.sealing import new_key
from tocsin_controller.security.vault_keys import check_keys
from tocsin_controller.store.database import Database

KEY = "tool-key-0123456789"


@asynccontextmanager
async def allowing(serve: Serve, database: Database, *allowed: str) -> AsyncIterator[Api]:
    """Of a controller with an encryption key that may call these."""
    async with serve(encryption_key=new_key(), network_allow=list(allowed)) as served:
        await check_keys(database, served.engine.vault)
        yield served.api


@pytest.fixture
async def api(serve: Serve, database: Database) -> AsyncIterator[Api]:
    async with allowing(serve, database) as api:
        yield api


@pytest.fixture(scope="module")
def tools() -> Iterator[McpServer]:
    with mcp_server(json_response=False, key=KEY) as server:
        yield server


def path(**query: str) -> str:
    return f"/api/mcp/tools?{urlencode(query)}"


async def refusal(api: Api, **query: str) -> tuple[int, str]:
    answer = await api.call("GET", path(**query))
    return answer.status, answer.json["error"]


async def connection(api: Api, name: str, base_url: str, token: str = KEY) -> None:
    config = {"base_url": base_url, "auth_type": "bearer", "token": token}
    await api.post("/api/connections", {"name": name, "conn_type": "http", "config": config})


async def test_the_tools_of_a_server_are_shown_to_whoever_may_ask(
    serve: Serve, database: Database, tools: McpServer
) -> None:
    async with allowing(serve, database, "127.0.0.1") as api:
        await connection(api, "tools", tools.url)
        found = {tool["name"]: tool for tool in (await api.get(path(connection="tools")))["tools"]}
        assert found["greet"]["inputSchema"]["required"] == ["name"]
        base = tools.url.removesuffix("/mcp")
        await connection(api, "base", base)
        assert (await api.get(path(connection="base", server_url=tools.url)))["tools"]
        status, error = await refusal(api, connection="base", server_url="http://127.0.0.2/mcp")
        assert (status, "its credentials do not go elsewhere" in error) == (400, True)

        viewer = api.as_role("viewer")
        assert (await refusal(viewer, connection="tools"))[0] == 403
        status, error = await refusal(viewer, server_url=tools.url)
        assert (status, error) == (400, "The MCP server refused the login. (who are you?)")


async def test_a_controller_does_not_ask_itself_or_its_cloud(api: Api, tools: McpServer) -> None:
    tools.requests.clear()
    for url in (tools.url, tools.url.replace("127.0.0.1", "localhost"), "http://169.254.169.254/mcp"):
        status, error = await refusal(api, server_url=url)
        assert (status, "may not be called" in error) == (400, True)
    assert tools.requests == []


async def test_what_goes_wrong_is_told_without_secrets(
    serve: Serve, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def echo(request: web.Request) -> web.StreamResponse:
        if request.path == "/slow":
            await asyncio.sleep(60)
        return web.Response(status=401, text=f"bad {request.headers.get('Authorization')}")

    async with allowing(serve, database, "127.0.0.1") as api, web_server(echo) as server:
        await connection(api, "echo", server.url)
        status, error = await refusal(api, connection="echo")
        assert (status, KEY in error, "bad Bearer ****" in error) == (400, False, True)
        closed = f"http://127.0.0.1:{free_port()}/mcp"
        status, error = await refusal(api, server_url=closed)
        assert (status, "Could not connect to 127.0.0.1" in error) == (400, True)
        monkeypatch.setattr("tocsin_controller.services.mcp_tools.LONGEST_SECS", 0.5)
        status, error = await refusal(api, server_url=f"{server.url}/slow")
        assert (status, error) == (400, "The MCP server gave no answer within 0.5 seconds.")


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ({}, 400, "server_url: is required when there is no connection"),
        ({"server_url": "ftp://h/x"}, 400, "must start with http:// or https://"),
        ({"server_url": "http://"}, 400, "The address is no URL"),
        ({"connection": "nothing"}, 404, "nothing"),
        ({"connection": "kafka"}, 400, "connection: is of type kafka, but must be http"),
        ({"server_url": "http://h/", "more": "x"}, 400, "more"),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused(
    api: Api, query: dict[str, Any], status: int, says: str
) -> None:
    if query.get("connection") == "kafka":
        config = {"broker": "k:9092"}
        await api.post("/api/connections", {"name": "kafka", "conn_type": "kafka", "config": config})
    answer = await refusal(api, **query)
    assert (answer[0], says in answer[1]) == (status, True), answer
