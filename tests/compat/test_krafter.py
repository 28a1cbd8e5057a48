"""Clients of Krafter work unchanged: its quickstart, step by step, and what lies beside it."""

import asyncio
from typing import Any

import pytest
from tests.compat.conftest import Controller
from tests.compat.webhooks import Endpoint

JOBS = "/api/v1/cron/jobs"


@pytest.fixture
def health_check(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "name": "Health Check", "schedule_type": "interval", "schedule": "every_5m",
        "url": f"{endpoint.url}/api/health", "method": "GET",
    }  # fmt: skip


async def ended(controller: Controller, job_id: str) -> list[dict[str, Any]]:
    """The job's executions, once one has ended."""
    async with asyncio.timeout(30):
        while True:
            found: list[dict[str, Any]] = (await controller.call("GET", f"{JOBS}/{job_id}/executions"))[
                "data"
            ]
            if found and all(one["finished_at"] for one in found):
                return found
            await asyncio.sleep(0.05)


async def test_the_quickstart_works_step_by_step(
    local_controller: Controller, endpoint: Endpoint, health_check: dict[str, Any]
) -> None:
    call = local_controller.call
    made = (await call("POST", JOBS, health_check))["data"]
    assert made == {
        **health_check, "id": made["id"], "timezone": "UTC", "headers": {}, "timeout_ms": 30_000, "max_retries": 3,
        "enabled": True, "failure_notify": False, "last_status": None, "last_run_at": None,
        "next_run_at": made["next_run_at"], "created_at": made["created_at"], "updated_at": made["updated_at"],
    }  # fmt: skip
    one = f"{JOBS}/{made['id']}"
    assert await call("POST", f"{one}/trigger") == {"ok": True}
    (execution,) = await ended(local_controller, made["id"])
    assert endpoint.calls == [("GET", None, "")]
    assert {**execution, "id": "", "duration_ms": 0, "started_at": "", "finished_at": ""} == {
        "id": "", "status": "success", "http_status": 200, "response_body": "OK", "error": None, "attempt": 1,
        "duration_ms": 0, "started_at": "", "finished_at": "",
    }  # fmt: skip
    assert execution["duration_ms"] >= 0
    paused = {"id": made["id"], "name": "Health Check", "enabled": False}
    assert (await call("POST", f"{one}/pause"))["data"] == paused
    assert (await call("GET", one))["data"]["next_run_at"] is None
    assert (await call("POST", f"{one}/resume"))["data"] == {**paused, "enabled": True}
    shown = (await call("GET", one))["data"]
    assert (shown["last_status"], shown["enabled"]) == ("success", True)


async def test_a_job_is_changed_in_part_and_deleted(
    local_controller: Controller, endpoint: Endpoint, health_check: dict[str, Any]
) -> None:
    call = local_controller.call
    one = f"{JOBS}/{(await call('POST', JOBS, health_check))['data']['id']}"
    change = {"schedule_type": "cron", "schedule": "*/10 * * * *", "timeout_ms": 1500, "failure_notify": True}
    changed = (await call("PATCH", one, change))["data"]
    assert {key: changed[key] for key in change} == change
    assert (changed["url"], changed["method"]) == (health_check["url"], "GET"), "what was not said stays"
    changed = (
        await call("PUT", one, {"method": "POST", "body": "{}", "headers": {"X-A": "b"}, "enabled": False})
    )["data"]
    assert (changed["method"], changed["body"], changed["headers"], changed["enabled"]) == (
        "POST",
        "{}",
        {"X-A": "b"},
        False,
    )
    assert changed["schedule"] == "*/10 * * * *"
    assert await call("DELETE", one) == {"ok": True}
    async with local_controller.http.get(local_controller.url + one) as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("preset", "secs"),
    [("every_1m", 60), ("every_15m", 900), ("every_24h", 86_400), ("every_30s", 30), ("every_7d", 604_800)],
)
async def test_presets_are_intervals(
    local_controller: Controller, health_check: dict[str, Any], preset: str, secs: int
) -> None:
    made = (await local_controller.call("POST", JOBS, {**health_check, "schedule": preset}))["data"]
    assert (made["schedule_type"], made["schedule"]) == ("interval", preset)
    ours = await local_controller.call("GET", f"/api/jobs/{made['id']}")
    assert ours["schedule"]["value"]["interval_secs"] == secs


async def test_lists_come_in_pages_and_failures_say_why(
    local_controller: Controller, endpoint: Endpoint, health_check: dict[str, Any]
) -> None:
    call = local_controller.call
    for n in range(5):
        made = (await call("POST", JOBS, {**health_check, "name": f"job-{n}", "max_retries": 0}))["data"]
    page = await call("GET", f"{JOBS}?page=2&per_page=2")
    assert [one["name"] for one in page["data"]] == ["job-2", "job-3"]
    assert page["meta"] == {"page": 2, "per_page": 2, "total": 5, "total_pages": 3}
    endpoint.statuses = [500]
    await call("POST", f"{JOBS}/{made['id']}/trigger")
    (execution,) = await ended(local_controller, made["id"])
    assert (execution["status"], execution["http_status"], execution["response_body"]) == (
        "failed",
        500,
        "OK",
    )
    assert execution["error"] == "Answered 500."


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"schedule": "every_0m"}, "schedule"),
        ({"schedule": "every_five"}, "schedule"),
        ({"schedule_type": "cron", "schedule": "bad"}, "schedule"),
        ({"schedule_type": "moon"}, "schedule_type"),
        ({"url": "gopher://x"}, "url"),
        ({"method": "BREW"}, "method"),
        ({"timeout_ms": 0}, "timeout_ms"),
        ({"max_retries": -1}, "max_retries"),
        ({"name": ""}, "name"),
    ],
)
async def test_what_is_wrong_is_named_by_its_field(
    local_controller: Controller, health_check: dict[str, Any], change: dict[str, Any], field: str
) -> None:
    async with local_controller.http.post(
        local_controller.url + JOBS, json={**health_check, **change}
    ) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]["details"][0]["field"] == field
    assert (await local_controller.call("GET", JOBS))["data"] == []


async def test_a_key_with_scopes_reaches_this_api_alone_and_does_what_they_say(
    local_controller: Controller, health_check: dict[str, Any]
) -> None:
    async def status_with(key: str, method: str, path: str, body: Any = None) -> int:
        headers = {"Authorization": f"Bearer {key}"}
        url = local_controller.url + path
        async with local_controller.http.request(method, url, json=body, headers=headers) as answer:
            return answer.status

    async def key_for(scope: str) -> str:
        made = await local_controller.call("POST", "/api/keys", {"name": scope[-4:], "scopes": [scope]})
        assert (made["key"]["role"], made["key"]["scopes"]) == ("scoped", [scope])
        return str(made["raw_key"])

    reads, writes = await key_for("cron:read"), await key_for("cron:write")
    one = f"{JOBS}/{(await local_controller.call('POST', JOBS, health_check))['data']['id']}"
    for key in (reads, writes):
        assert [await status_with(key, "GET", path) for path in (JOBS, one, f"{one}/executions")] == [200] * 3
        elsewhere = [
            "/api/jobs",
            "/api/v1/jobs",
            "/v1/jobs",
            "/api/keys",
            "/api/auth/me",
            "/api/v1/cluster/status",
        ]
        assert [await status_with(key, "GET", path) for path in elsewhere] == [403] * len(elsewhere)
    changes = [
        ("POST", JOBS, {**health_check, "name": "second"}),
        ("PATCH", one, {"max_retries": 1}),
        ("POST", f"{one}/pause", None),
        ("DELETE", one, None),
    ]
    assert [await status_with(reads, *change) for change in changes] == [403] * 4
    assert [await status_with(writes, *change) for change in changes] == [201, 200, 200, 200]
