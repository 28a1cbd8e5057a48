"""Clients of the Model Context Protocol: the official SDK's, and some that misbehave."""

import asyncio
import json
from typing import Any

import httpx2
import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, TextContent
from tests.compat.conftest import ADMIN, AGENT, PATIENCE_SECS, Controller

BOTH = {"Accept": "application/json, text/event-stream"}
TOOLS = [
    "create_job", "get_execution", "get_job", "get_system_stats", "list_agents", "list_events", "list_executions",
    "list_groups", "list_jobs", "trigger_job",
]  # fmt: skip


def text(result: CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


async def test_a_client_of_the_official_sdk_finds_runs_and_reads(local_controller: Controller) -> None:
    headers = {"Authorization": f"Bearer {ADMIN}"}
    url = f"{local_controller.url}/mcp"
    async with (
        httpx2.AsyncClient(headers=headers, timeout=30) as http,
        streamable_http_client(url, http_client=http) as (read, write),
        ClientSession(read, write) as session,
    ):
        assert (await session.initialize()).server_info.name == "tocsin"
        assert sorted(tool.name for tool in (await session.list_tools()).tools) == TOOLS

        async def call(tool: str, /, **arguments: Any) -> str:
            result = await session.call_tool(tool, arguments)
            assert not result.is_error, text(result)
            return text(result)

        job = {"task": {"type": "shell", "command": "echo hello"}, "schedule": {"type": "on_demand"}}
        made = await call("create_job", name="greet", retry_max=2, **job)
        assert made.startswith("Job 'greet' was created")
        assert json.loads(await call("get_job", name="greet"))["retry_max"] == 2
        assert [one["name"] for one in json.loads(await call("list_jobs", search="greet"))] == ["greet"]
        execution_id = (await call("trigger_job", name="greet")).rpartition(" ")[2]
        async with asyncio.timeout(PATIENCE_SECS):
            while (ended := json.loads(await call("get_execution", id=execution_id)))["finished_at"] is None:
                await asyncio.sleep(0.02)
        assert ended["status"] == "succeeded"
        (execution,) = json.loads(await call("list_executions", status="succeeded"))
        assert (execution["job_name"], execution["stdout_excerpt"]) == ("greet", "hello\n")
        assert json.loads(await call("list_groups")) == ["Default"]
        assert json.loads(await call("list_agents")) == []
        assert json.loads(await call("list_events", limit=1))[0]["kind"]
        assert json.loads(await call("get_system_stats"))["total_jobs"] == 1

        for name, arguments, why in (
            ("get_job", {"name": "nobody"}, "there is no job 'nobody'"),
            ("get_job", {}, "give the job's name or its id"),
            ("list_jobs", {"limit": 0}, "limit: must be at least 1"),
            ("create_job", {"name": "x", **job, "retry_max": -1}, "retry_max: must be at least 0"),
            ("fly", {}, "There is no tool 'fly'."),
        ):
            refused = await session.call_tool(name, arguments)
            assert refused.is_error
            assert why in text(refused)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b'{"jsonrpc":"2.0","id":1,"method":"ping"}', {"Accept": "application/json"}, 406),
        (b"{", BOTH, 400),
        (b"[]", BOTH, 400),
        (b'{"jsonrpc":"2.0","id":' + b"[" * 300 + b"]" * 300 + b',"method":"ping"}', BOTH, 400),
        (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', BOTH, 400),
        (b'{"jsonrpc":"2.0","id":{},"method":"ping"}', BOTH, 400),
        (b'{"jsonrpc":"2.0","id":1e999,"method":"ping"}', BOTH, 400),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', BOTH, 200),
        (b'{"id":1,"method":7}', BOTH, 400),
        (b'{"jsonrpc":"2.0","method":"notifications/initialized"}', BOTH, 202),
        (b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":["x"]}}', BOTH, 200),
        (b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_jobs","arguments":7}}', BOTH, 200),
        (b'{"jsonrpc":"2.0","id":1,"method":"no/such","params":[]}', BOTH, 200),
    ],
)  # fmt: skip
async def test_every_message_has_its_answer(
    local_controller: Controller, body: bytes, headers: dict[str, str], status: int
) -> None:
    url = f"{local_controller.url}/mcp"
    async with local_controller.http.post(url, data=body, headers=headers) as answer:
        assert answer.status == status, await answer.text()


async def test_keys_of_agents_call_no_tool(local_controller: Controller) -> None:
    headers = {**BOTH, "Authorization": f"Bearer {AGENT}"}
    url = f"{local_controller.url}/mcp"
    async with local_controller.http.post(url, data=b"{}", headers=headers) as answer:
        assert answer.status == 403
