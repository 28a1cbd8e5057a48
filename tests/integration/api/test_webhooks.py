"""Addresses that run a job without a key."""

import time
from typing import Any
from urllib.parse import urlencode

import asyncpg
import pytest
from tests.integration.api.conftest import Api, Serve

from tocsin_controller.security.sealing import new_key
from tocsin_controller.security.vault_keys import check_keys, rotate, vault_from
from tocsin_controller.services.webhook_signatures import signature_of
from tocsin_controller.store.database import Database


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


async def signed_webhook_of(api: Api) -> tuple[dict[str, Any], str, str]:
    """A job, the path of its signed webhook, and the secret."""
    job = await api.job()
    made = await api.post(f"/api/jobs/{job['id']}/webhook", {"secret": True})
    return job, made["webhook_url"], made["secret"]


def ours(secret: str, raw: bytes, *, off_secs: int = 0) -> dict[str, str]:
    timestamp = str(int(time.time()) + off_secs)
    signature = signature_of(secret, timestamp.encode() + b"." + raw)
    return {"X-Tocsin-Timestamp": timestamp, "X-Tocsin-Signature": signature}


async def test_a_signed_webhook_accepts_each_signed_call_once(
    serve: Serve, database: Database, connection: asyncpg.Connection
) -> None:
    async with serve(encryption_key=new_key()) as served:
        await check_keys(database, served.engine.vault)
        api = served.api
        job, path, secret = await signed_webhook_of(api)
        raw = b'{"params": {"a": 1}}'
        stranger = api.as_role(None)
        for headers in ({}, ours("wrong", raw), ours(secret, raw, off_secs=-900), {"X-Gitlab-Token": "x"}):
            answer = await stranger.call("POST", path, data=raw, headers=headers)
            assert (answer.status, answer.json["error"]) == (401, "the signature is missing or wrong")
        headers = ours(secret, raw)
        assert (await stranger.call("POST", path, data=raw, headers=headers)).status == 202
        assert (await stranger.call("POST", path, data=raw, headers=headers)).status == 409
        hub = {"X-Hub-Signature-256": signature_of(secret, raw)}
        assert (await stranger.call("POST", path, data=raw, headers=hub)).status == 202
        assert (await stranger.call("POST", path, data=raw, headers=hub)).status == 409
        pong = await stranger.post(path, data=raw, headers={**hub, "X-GitHub-Event": "ping"})
        assert (pong["message"], pong["run_id"]) == ("pong", None)
        lab = {"X-Gitlab-Token": secret, "X-Gitlab-Event-UUID": "e1"}
        assert (await stranger.call("POST", path, data=raw, headers=lab)).status == 202
        assert (await stranger.call("POST", path, data=raw, headers=lab)).status == 409
        again = {**ours(secret, raw, off_secs=1), "Idempotency-Key": "k"}
        first = await stranger.post(path, data=raw, headers=again)
        assert await stranger.post(path, data=raw, headers=again) == first
        assert len(await runs_of(api, job)) == 4
        assert (await api.get(f"/api/jobs/{job['id']}/webhook"))["is_signed"] is True
        stored = str([tuple(row) for row in await connection.fetch("SELECT * FROM webhooks")])
        assert secret not in stored


async def test_a_form_with_a_payload_is_taken_as_github_sends_it(api: Api) -> None:
    job = await api.job(parameters=[{"name": "a", "param_type": "text"}])
    made = await api.post(f"/api/jobs/{job['id']}/webhook")
    stranger = api.as_role(None)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    sent = urlencode({"payload": '{"params": {"a": "1 & 2"}, "ref": "main"}'}).encode()
    started = await stranger.post(made["webhook_url"], data=sent, headers=form)
    run = await api.get(f"/api/runs/{started['run_id']}")
    assert run["params"] == {"a": "1 & 2"}
    for wrong in (
        b"payload=",
        b"payload=&a=1",
        b"payload=%7B",
        b"payload=" + b"&payload=".join([b"1"] * 30),
        b"payload=[]",
    ):
        answer = await stranger.call("POST", made["webhook_url"], data=wrong, headers=form)
        assert answer.status == 400, (wrong, answer.json)
    assert len(await runs_of(api, job)) == 1


async def test_a_signed_webhook_needs_an_encryption_key(api: Api) -> None:
    job = await api.job()
    answer = await api.call("POST", f"/api/jobs/{job['id']}/webhook", {"secret": True})
    assert (answer.status, answer.json["details"][0]["field"]) == (400, "secret")


async def test_changing_the_key_keeps_webhooks_working(serve: Serve, database: Database) -> None:
    old, new = new_key(), new_key()
    async with serve(encryption_key=old) as served:
        await check_keys(database, served.engine.vault)
        _, path, secret = await signed_webhook_of(served.api)
    rotated = await rotate(database, vault_from(f"{new},{old}", None))
    assert (rotated.resealed, len(rotated.retired)) == (1, 1)
    async with serve(encryption_key=new) as served:
        answer = await served.api.as_role(None).call("POST", path, data=b"{}", headers=ours(secret, b"{}"))
        assert answer.status == 202
