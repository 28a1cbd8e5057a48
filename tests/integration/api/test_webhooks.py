"""Addresses that run a job without a key."""

from typing import Any

import asyncpg
import pytest
from tests.integration.api.conftest import Api


async def webhook_of(api: Api, **definition: Any) -> tuple[dict[str, Any], str]:
    """A job that some agent may take, and the path of its webhook."""
    job = await api.job(**definition)
    return job, (await api.post(f"/api/jobs/{job['id']}/webhook"))["webhook_url"]


async def runs_of(api: Api, job: dict[str, Any]) -> list[dict[str, Any]]:
    return list((await api.get(f"/api/jobs/{job['id']}/runs"))["data"])


async def test_a_webhook_runs_its_job_without_a_key(api: Api) -> None:
    job, path = await webhook_of(api)
    answer = await api.as_role(None).call("POST", path, {"params": {"version": "1.2"}, "other": [1]})
    assert answer.status == 202
    assert (answer.json["message"], answer.json["job_id"]) == ("job triggered", job["id"])
    (run,) = await runs_of(api, job)
    assert run["id"] == answer.json["run_id"]
    assert run["params"] == {"version": "1.2"}
    token = path.rpartition("/")[2]
    assert len(token) == 32
    assert run["triggered_by"] == {"type": "webhook", "token_prefix": token[:6]}
    assert (await api.as_role(None).call("POST", path)).status == 202, "a body is not needed"


async def test_the_token_is_shown_once_and_stored_as_a_hash(api: Api, connection: asyncpg.Connection) -> None:
    job, path = await webhook_of(api)
    await api.as_role(None).post(path)
    token = path.rpartition("/")[2]
    shown = await api.get(f"/api/jobs/{job['id']}/webhook")
    assert shown["token_prefix"] == token[:6]
    assert (shown["created_by"], token in str(shown)) == ("test-admin", False)
    assert token not in str(await api.get(f"/api/jobs/{job['id']}"))
    for table in ("webhooks", "events", "audit_log", "runs", "idempotency_keys"):
        rows = await connection.fetch(f"SELECT * FROM {table}")  # noqa: S608  the names stand above
        assert token not in str([tuple(row) for row in rows])


async def test_a_new_token_ends_the_one_before(api: Api) -> None:
    job, old = await webhook_of(api)
    new = (await api.post(f"/api/jobs/{job['id']}/webhook"))["webhook_url"]
    assert (await api.as_role(None).call("POST", old)).status == 404
    assert (await api.as_role(None).call("POST", new)).status == 202
    await api.delete(f"/api/jobs/{job['id']}/webhook")
    await api.delete(f"/api/jobs/{job['id']}/webhook")
    assert (await api.as_role(None).call("POST", new)).status == 404
    assert (await api.call("GET", f"/api/jobs/{job['id']}/webhook")).status == 404


async def test_a_deleted_job_has_no_webhook(api: Api) -> None:
    job, path = await webhook_of(api)
    await api.delete(f"/api/jobs/{job['id']}")
    assert (await api.as_role(None).call("POST", path)).status == 404


@pytest.mark.parametrize("token", ["0" * 32, "x", "y" * 5000, "%00", "a%2Fb"], ids=str.__len__)
async def test_an_unknown_token_is_not_found(api: Api, token: str) -> None:
    assert (await api.as_role(None).call("POST", f"/api/webhooks/{token}")).status == 404


async def test_the_same_idempotency_key_runs_the_job_once(api: Api) -> None:
    job, path = await webhook_of(api)
    headers = {"Idempotency-Key": "delivery-1"}
    answers = [await api.as_role(None).post(path, {"params": {"a": 1}}, headers=headers) for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    assert len(await runs_of(api, job)) == 1
    other = await api.as_role(None).call("POST", path, {"params": {"a": 2}}, headers=headers)
    assert other.status == 409


async def test_a_webhook_is_made_by_those_who_may_change_jobs(api: Api) -> None:
    job = await api.job()
    assert (await api.as_role("viewer").call("POST", f"/api/jobs/{job['id']}/webhook")).status == 403
    assert (await api.as_role("operator").call("POST", f"/api/jobs/{job['id']}/webhook")).status == 200
    assert (await api.call("POST", "/api/jobs/no-such-job/webhook")).status == 404
    assert (await api.call("DELETE", "/api/jobs/no-such-job/webhook")).status == 204


async def test_what_a_webhook_does_is_told_and_audited(api: Api) -> None:
    job, path = await webhook_of(api, name="deploy")
    await api.as_role(None).post(path)
    events = {e["kind"]: e for e in (await api.get("/api/events"))["data"]}
    assert events["job.webhook_created"]["message"] == "A webhook of job 'deploy' was made"
    assert events["job.triggered"]["message"] == "Job 'deploy' was triggered by its webhook"
    assert events["job.triggered"]["api_key_id"] is None
    rows = [r for r in (await api.get("/api/audit-log"))["data"] if r["operation"] == "job.triggered"]
    assert rows[0]["actor_key_name"].startswith("webhook ")
    assert rows[0]["resource_id"] == job["id"]
