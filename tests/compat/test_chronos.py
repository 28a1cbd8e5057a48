"""Clients of Chronos work unchanged: its document's requests, its envelope, its answers."""

import base64
from typing import Any

import aiohttp
import pytest
from tests.compat.conftest import ADMIN, Controller
from tests.compat.webhooks import Endpoint

REPORT: dict[str, Any] = {
    "name": "daily-report",
    "description": "Generate daily report",
    "schedule": "0 9 * * *",
    "timezone": "America/New_York",
    "retry_policy": {"max_attempts": 3, "initial_interval": "1s", "max_interval": "1m", "multiplier": 2.0},
    "timeout": "5m",
    "concurrency": "forbid",
    "tags": {"team": "backend", "environment": "production"},
    "enabled": True,
}


class Chronos:
    """A client that knows nothing of Tocsin: HTTP Basic, the envelope."""

    def __init__(self, controller: Controller) -> None:
        self._base = f"{controller.url}/api/v1"
        self._http = controller.http
        basic = base64.b64encode(f"chronos:{ADMIN}".encode()).decode()
        self._headers = {"Authorization": f"Basic {basic}"}

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, Any]:
        """The status and the whole answer."""
        sent, json = self._headers | (headers or {}), body if raw is None else None
        async with self._http.request(method, self._base + path, json=json, data=raw, headers=sent) as answer:
            shown = await answer.json()
            assert set(shown) == {"success", "data", "error"}
            assert shown["success"] is (answer.status < 300)
            return answer.status, shown

    async def data(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None
    ) -> Any:
        """What a call that must succeed answers."""
        status, shown = await self.call(method, path, body, headers=headers)
        assert status < 300, shown
        return shown["data"]

    async def refused(
        self, method: str, path: str, body: Any = None, *, raw: bytes | None = None
    ) -> tuple[int, str, str]:
        """Status, code and message of a call that must fail."""
        status, shown = await self.call(method, path, body, raw=raw)
        assert shown["data"] is None
        return status, shown["error"]["code"], shown["error"]["message"]


@pytest.fixture
def chronos(local_controller: Controller) -> Chronos:
    return Chronos(local_controller)


def report(endpoint: Endpoint, webhook: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    return {
        **REPORT,
        "webhook": {"url": f"{endpoint.url}/reports", "method": "POST", **(webhook or {})},
        **changes,
    }


async def test_a_job_is_created_read_changed_switched_and_deleted(
    chronos: Chronos, endpoint: Endpoint, local_controller: Controller
) -> None:
    auth = {"type": "bearer", "token": "my-secret-token"}
    sent = report(
        endpoint,
        {"headers": {"X-Team": "b"}, "body": '{"type": "daily"}', "auth": auth, "success_codes": [200, 202]},
    )
    made = await chronos.data("POST", "/jobs", sent)
    assert {**made, "webhook": None} == {
        **sent, "webhook": None, "id": made["id"], "created_at": made["created_at"],
        "updated_at": made["updated_at"], "next_run": made["next_run"],
    }  # fmt: skip
    assert made["webhook"] == {
        "url": f"{endpoint.url}/reports", "method": "POST", "headers": {"X-Team": "b"}, "body": '{"type": "daily"}',
        "auth": {"type": "bearer", "token": "********"}, "success_codes": [200, 202],
    }  # fmt: skip
    path = f"/jobs/{made['id']}"
    assert await chronos.data("GET", path) == made
    assert await chronos.data("GET", "/jobs") == {"jobs": [made], "total": 1}
    ours = await local_controller.call("GET", f"/api/jobs/{made['id']}")
    assert (ours["schedule"], ours["timeout_secs"]) == ({"type": "cron", "value": "0 9 * * *"}, 300)
    assert (ours["retry_max"], ours["retry_delay_max_secs"], ours["max_concurrent"]) == (2, 60, 1)
    back = {key: value for key, value in made.items() if key in sent} | {
        "description": "Changed",
        "concurrency": "replace",
    }
    changed = await chronos.data("PUT", path, back)
    assert (changed["description"], changed["concurrency"]) == ("Changed", "replace")
    assert changed["webhook"] == made["webhook"]
    assert (await chronos.data("POST", f"{path}/disable"))["enabled"] is False
    assert (await chronos.data("GET", path))["next_run"] is None
    assert (await chronos.data("POST", f"{path}/enable"))["enabled"] is True
    await chronos.data("POST", f"{path}/trigger")
    assert endpoint.calls == [("POST", "Bearer my-secret-token", '{"type": "daily"}')], (
        "the mask kept the token"
    )
    await chronos.data("DELETE", path)
    assert (await chronos.refused("GET", path))[:2] == (404, "NOT_FOUND")


async def test_a_trigger_answers_with_the_finished_execution_and_its_retries(
    chronos: Chronos, endpoint: Endpoint
) -> None:
    job = await chronos.data("POST", "/jobs", report(endpoint, enabled=False))
    endpoint.statuses = [500, 503]
    ended = await chronos.data("POST", f"/jobs/{job['id']}/trigger")
    assert (ended["status"], ended["attempts"], ended["status_code"], ended["response"]) == (
        "success",
        3,
        200,
        "OK",
    )
    assert ended["id"].startswith("exec-")
    assert ended["duration"] >= 1_000_000_000, "nanoseconds, waits between attempts among them"
    endpoint.statuses = [500, 500, 500]
    failed = await chronos.data("POST", f"/jobs/{job['id']}/trigger")
    assert (failed["status"], failed["status_code"]) == ("failed", 500)
    assert failed["error"]
    listed = await chronos.data("GET", f"/jobs/{job['id']}/executions?limit=1")
    assert listed == {"executions": [failed], "total": 2}
    listed = await chronos.data("GET", f"/jobs/{job['id']}/executions")
    assert listed == {"executions": [failed, ended], "total": 2}, "newest first, each with its last attempt"
    assert await chronos.data("GET", f"/jobs/{job['id']}/executions/{ended['id']}") == ended
    replayed = await chronos.data("POST", f"/jobs/{job['id']}/executions/{ended['id']}/replay")
    assert replayed["original_execution_id"] == ended["id"]
    assert replayed["replay_execution_id"].startswith("exec-")
    other = await chronos.data("POST", "/jobs", report(endpoint, name="other", enabled=False))
    stranger = f"/jobs/{other['id']}/executions/{ended['id']}"
    assert (await chronos.refused("GET", stranger))[:2] == (404, "NOT_FOUND"), "another job's"


async def test_versions_are_listed_and_returned_to(chronos: Chronos, endpoint: Endpoint) -> None:
    job = await chronos.data("POST", "/jobs", report(endpoint))
    await chronos.data("PUT", f"/jobs/{job['id']}", report(endpoint, description="second"))
    second, first = await chronos.data("GET", f"/jobs/{job['id']}/versions")
    assert (second["version"], second["config"]["description"], second["created_by"]) == (
        2,
        "second",
        "bootstrap-admin",
    )
    assert await chronos.data("GET", f"/jobs/{job['id']}/versions/1") == first
    back = await chronos.data("POST", f"/jobs/{job['id']}/rollback/1")
    assert (back["rolled_back_from"], back["new_version"]) == (1, 3)
    assert back["job"]["description"] == REPORT["description"]
    assert (await chronos.refused("POST", f"/jobs/{job['id']}/rollback/99"))[1] == "NOT_FOUND"


async def test_errors_have_chronos_codes_and_name_its_fields(
    chronos: Chronos, endpoint: Endpoint, local_controller: Controller
) -> None:
    assert (await chronos.refused("POST", "/jobs", raw=b"{"))[:2] == (400, "INVALID_JSON")
    assert (await chronos.refused("POST", "/jobs", raw=b"[]"))[:2] == (400, "INVALID_JSON")
    for sent, code, field in (
        ({}, "VALIDATION_ERROR", "name"),
        (report(endpoint, schedule="61 * * * *"), "VALIDATION_ERROR", "schedule"),
        (report(endpoint, {"url": "gopher://x"}), "VALIDATION_ERROR", "webhook.url"),
        (report(endpoint, {"method": "BREW"}), "VALIDATION_ERROR", "webhook.method"),
        (report(endpoint, concurrency="often"), "VALIDATION_ERROR", "concurrency"),
        (report(endpoint, timezone="Mars/Olympus"), "VALIDATION_ERROR", "timezone"),
        (report(endpoint, timeout="soon"), "INVALID_TIMEOUT", "timeout"),
        (
            report(endpoint, retry_policy={"initial_interval": "-1s"}),
            "INVALID_TIMEOUT",
            "retry_policy.initial_interval",
        ),
    ):
        status, told, message = await chronos.refused("POST", "/jobs", sent)
        assert (status, told) == (400, code), sent
        assert field in message
    assert await chronos.data("GET", "/jobs") == {"jobs": [], "total": 0}, "nothing was half done"
    assert (await chronos.refused("GET", "/jobs/nothing"))[:2] == (404, "NOT_FOUND")
    assert (await chronos.refused("GET", "/anything/else"))[:2] == (404, "NOT_FOUND")
    async with (
        aiohttp.ClientSession() as stranger,
        stranger.get(f"{local_controller.url}/api/v1/jobs") as answer,
    ):
        assert (answer.status, (await answer.json())["error"]["code"]) == (401, "UNAUTHORIZED")
        assert answer.headers["WWW-Authenticate"].startswith("Basic")


async def test_a_repeated_trigger_or_replay_runs_once(
    chronos: Chronos, endpoint: Endpoint, local_controller: Controller
) -> None:
    job = await chronos.data("POST", "/jobs", report(endpoint))
    once = {"Idempotency-Key": "1"}
    first = await chronos.data("POST", f"/jobs/{job['id']}/trigger", headers=once)
    assert await chronos.data("POST", f"/jobs/{job['id']}/trigger", headers=once) == first
    path, again = f"/jobs/{job['id']}/executions/{first['id']}/replay", {"Idempotency-Key": "2"}
    replayed = await chronos.data("POST", path, headers=again)
    assert await chronos.data("POST", path, headers=again) == replayed
    assert (await chronos.data("GET", f"/jobs/{job['id']}/executions"))["total"] == 2


async def test_pages_of_other_sites_do_not_use_the_key_that_a_browser_remembers(
    chronos: Chronos, endpoint: Endpoint, local_controller: Controller
) -> None:
    job = await chronos.data("POST", "/jobs", report(endpoint))
    path = f"/jobs/{job['id']}/enable"
    for headers in (
        {"Origin": "https://evil.example.org"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        status, shown = await chronos.call("POST", path, headers=headers)
        assert (status, shown["error"]["code"]) == (403, "FORBIDDEN"), headers
        await chronos.data("GET", f"/jobs/{job['id']}", headers=headers)
        bearer = {"Authorization": f"Bearer {ADMIN}"}
        await chronos.data("POST", path, headers=headers | bearer)
    for headers in (
        {"Origin": local_controller.url},
        {"Origin": "https://a", "Sec-Fetch-Site": "same-origin"},
    ):
        await chronos.data("POST", path, headers=headers)


async def test_jobs_of_any_api_are_seen_and_triggered_through_chronos(
    chronos: Chronos, endpoint: Endpoint, local_controller: Controller
) -> None:
    ours = await local_controller.call(
        "POST",
        "/api/jobs",
        {
            "name": "ours",
            "task": {"type": "noop", "output": "hi"},
            "schedule": {"type": "interval", "value": {"interval_secs": 5400}},
        },
    )
    shown = await chronos.data("GET", f"/jobs/{ours['id']}")
    assert (shown["schedule"], shown["webhook"]) == ("@every 1h30m", None)
    ended = await chronos.data("POST", f"/jobs/{ours['id']}/trigger")
    assert (ended["status"], ended["response"]) == ("success", "hi")
    status = await chronos.data("GET", "/cluster/status")
    assert (status["is_leader"], status["jobs_total"], status["running"]) == (True, 1, 0)
    assert [one["job_id"] for one in status["next_runs"]] == [ours["id"]]


async def test_health_is_what_both_clients_look_for(local_controller: Controller) -> None:
    async with aiohttp.ClientSession() as stranger, stranger.get(f"{local_controller.url}/health") as answer:
        shown = await answer.json()
    assert (answer.status, shown["success"], shown["error"]) == (200, True, None)
    assert shown["data"]["status"] == "healthy"
    assert (shown["status"], shown["leader"]) == ("healthy", True), "as Dkron says it"
