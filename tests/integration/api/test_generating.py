"""Jobs from a description: both providers, what they may say, and their key."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from aiohttp import web
from tests.integration.api.conftest import Api, Serve
from tests.net import free_port
from tests.services.ai import KEY, ai_server, bodies
from tests.services.http import web_server

from tocsin_controller.security.sealing import new_key
from tocsin_controller.security.vault_keys import check_keys
from tocsin_controller.services.generating import asking, generator
from tocsin_controller.store.database import Database
from tocsin_shared.masks import MASK
from tocsin_shared.wire import dumps

PATH = "/api/ai/generate-job"
JOB = {
    "name": "postgres backup",
    "task": {"type": "shell", "command": "pg_dump app > app.sql"},
    "schedule": {"type": "cron", "value": "0 0 3 * * *"},
    "timeout_secs": 3600,
}
GOOD = dumps(JOB).decode()
BAD = dumps({**JOB, "schedule": {"type": "cron", "value": "99 * * * *"}, "why": "x"}).decode()


@asynccontextmanager
async def controller(serve: Serve, database: Database, **more: Any) -> AsyncIterator[Api]:
    """With an encryption key; may call its own host."""
    settings = {"encryption_key": new_key(), "network_allow": ["127.0.0.1"], **more}
    async with serve(**settings) as served:
        await check_keys(database, served.engine.vault)
        yield served.api


async def refused(api: Api, body: Any, status: int) -> dict[str, Any]:
    answer = await api.call("POST", PATH, body)
    assert answer.status == status, answer.body
    return dict(answer.json)


async def test_a_description_becomes_a_job_that_can_be_created(serve: Serve, database: Database) -> None:
    fenced = f"Here it is:\n```json\n{GOOD}\n```\nEnjoy."
    said = [GOOD, fenced, f'Sure: {{"job": {GOOD}}} .', BAD, GOOD]
    async with ai_server(said) as server, controller(serve, database) as api:
        assert (await api.get("/api/config"))["ai_enabled"] is False
        message = (await refused(api, {"prompt": "x"}, 400))["error"]
        assert "no AI provider is set up" in message
        await api.put("/api/settings", {"ai_api_key": KEY, "ai_base_url": server.url, "ai_model": "m-1"})
        assert (await api.get("/api/config"))["ai_enabled"] is True
        viewer = api.as_role("viewer")
        for _ in range(4):
            assert await viewer.post(PATH, {"prompt": "back up postgres at 3"}) == {"job": JOB}
        assert set(server.paths) == {"POST /v1/messages"}
        asked = bodies(server)
        assert [len(one["messages"]) for one in asked] == [1, 1, 1, 1, 3]
        assert (asked[0]["model"], asked[0]["messages"][0]["content"]) == ("m-1", "back up postgres at 3")
        correction = asked[-1]["messages"][-1]["content"]
        assert "why: is not a known field" in correction
        assert (await api.get("/api/jobs"))["total"] == 0
        await api.post("/api/jobs", JOB)
        assert (await viewer.get("/api/ai/models"))["data"] == [{"id": "m-1"}]


async def test_what_only_the_database_knows_is_checked_too(serve: Serve, database: Database) -> None:
    stored = dumps({**JOB, "task": {"type": "script", "script_name": "nothing"}}).decode()
    async with ai_server([stored, "no idea"]) as server:
        more = {
            "ai_api_key": KEY,
            "ai_base_url": f"{server.url}/v1",
            "ai_provider": "openai",
            "ai_model": "o3-x",
        }
        async with controller(serve, database, **more) as api:
            error = await refused(api, {"prompt": "run it"}, 502)
            assert (error["code"], "there is no JSON object in it" in error["error"]) == (
                "upstream_failed",
                True,
            )
            first, second = bodies(server)
            assert "task.script_name: there is no script 'nothing'" in second["messages"][-1]["content"]
            assert first["max_completion_tokens"] > 0
            assert set(server.paths) == {"POST /v1/chat/completions"}
            assert await api.get("/api/ai/models") == {"object": "list", "data": []}
            await api.put("/api/settings", {"ai_base_url": server.url, "ai_api_version": "2026-01-01"})
            await refused(api, {"prompt": "run it"}, 502)
            assert server.paths[-1] == "POST /v1/chat/completions?api-version=2026-01-01"


async def test_the_key_is_kept_secret(
    serve: Serve, database: Database, connection: asyncpg.Connection, capfd: pytest.CaptureFixture[str]
) -> None:
    async with (
        ai_server([dumps({**JOB, "description": KEY}).decode()]) as server,
        controller(serve, database) as api,
    ):
        settings = {"ai_api_key": KEY, "ai_base_url": server.url}
        assert (await api.as_role("operator").call("PUT", "/api/settings", settings)).status == 403
        await api.put("/api/settings", settings)
        shown = await api.get("/api/settings")
        assert shown["ai_api_key"] == MASK
        await api.put("/api/settings", shown)
        told = (await api.post(PATH, {"prompt": "x"}))["job"]["description"]
        assert KEY not in told
        await api.put("/api/settings", {"ai_api_key": "another-key-of-mine"})
        error = await refused(api, {"prompt": "x"}, 502)
        assert error["error"].startswith("the AI provider answered HTTP 401: wrong key ****")
        assert "another-key" not in dumps(error).decode()
        row = await connection.fetchrow("SELECT value, sealed FROM settings WHERE key = 'ai_api_key'")
        assert row is not None
        assert (row["value"], b"another-key" in row["sealed"]) == (MASK, False)
        seen = [await api.get(path) for path in ("/api/audit-log", "/api/events", "/api/data/export")]
        whole = dumps(seen).decode() + "".join(capfd.readouterr())
        assert (KEY in whole, "another-key" in whole) == (False, False)
        await api.put("/api/settings", {"ai_api_key": ""})
        assert (await refused(api, {"prompt": "x"}, 400))["code"] == "invalid_input"


@pytest.mark.parametrize("prompt", ["", " \n", "é" * 1_001, None, 5])
async def test_a_prompt_that_is_none_is_refused(api: Api, prompt: Any) -> None:
    assert [one["field"] for one in (await refused(api, {"prompt": prompt}, 400))["details"]] == ["prompt"]


async def test_settings_that_make_no_sense_are_refused(serve: Serve, database: Database) -> None:
    wrong = {
        "ai_api_key": "two words",
        "ai_provider": "mine",
        "ai_model": "a b",
        "ai_base_url": "http://user:pw@host/v1",
        "ai_api_version": "x\r\ny: z",
    }
    async with controller(serve, database) as api:
        answer = await api.call("PUT", "/api/settings", wrong)
        assert {one["field"] for one in answer.json["details"]} == set(wrong)
        masked = await api.call("PUT", "/api/settings", {"ai_api_key": MASK})
        assert (masked.status, masked.json["details"][0]["field"]) == (400, "ai_api_key")


async def test_a_provider_that_does_not_serve_is_told(
    serve: Serve, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "MAX_ANSWER_BYTES", 1_000)

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path.startswith("/slow"):
            await asyncio.sleep(60)
        if request.path.startswith("/away"):
            raise web.HTTPFound("http://127.0.0.1:1/")
        if request.path.startswith("/odd"):
            return web.json_response({"choices": [{"message": "x"}]})
        return web.Response(text="[]" if request.path.startswith("/list") else "x" * 1_001)

    async with web_server(answer) as server, controller(serve, database, ai_api_key=KEY) as api:

        async def told(base_url: str, status: int) -> str:
            await api.put("/api/settings", {"ai_base_url": base_url})
            return str((await refused(api, {"prompt": "x"}, status))["error"])

        assert "answered HTTP 302" in await told(f"{server.url}/away", 502)
        assert "larger than 1000 bytes" in await told(f"{server.url}/long", 502)
        assert "answer is not in the form of ai_provider" in await told(f"{server.url}/odd", 502)
        assert "not a JSON object" in await told(f"{server.url}/list", 502)
        assert "Cannot connect" in await told(f"http://127.0.0.1:{free_port()}", 502)
        assert "may not be called" in await told("http://169.254.169.254", 502)
        monkeypatch.setattr(asking, "LONGEST_SECS", 0.5)
        assert "no answer within 0.5 seconds" in await told(f"{server.url}/slow", 504)
        monkeypatch.setattr(generator, "AT_ONCE", 0)
        assert "as often as it may be" in await told(server.url, 429)
