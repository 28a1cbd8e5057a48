"""The audit log: who changed what, from where, for ever."""

import asyncpg
import pytest
from tests.integration.api.conftest import Api

from tocsin_controller.security.auditing import add_audit
from tocsin_controller.security.roles import Principal, Role
from tocsin_controller.store.audit import forget_audit
from tocsin_controller.store.database import Database
from tocsin_controller.store.jobs import read_clock
from tocsin_shared.ids import new_id


async def test_changes_are_told_with_actor_address_and_values(api: Api) -> None:
    operator = api.as_role("operator")
    job = await operator.job("nightly", task={"type": "shell", "command": "echo hunter2"})
    await operator.put(f"/api/jobs/{job['id']}", {"priority": 5, "task": {"type": "shell", "command": "x"}})
    await operator.post(f"/api/jobs/{job['id']}/trigger")
    await operator.delete(f"/api/jobs/{job['id']}")
    rows = (await api.get("/api/audit-log"))["data"]
    assert [r["operation"] for r in rows] == ["job.deleted", "job.triggered", "job.updated", "job.created"]
    assert {
        (r["actor_key_name"], r["actor_address"], r["resource_type"], r["resource_id"]) for r in rows
    } == {("test-operator", "127.0.0.1", "job", job["id"])}
    updated = rows[2]
    assert updated["changes"]["priority"] == {"old": 0, "new": 5}
    assert updated["details"] == "task: changed; priority: 0 -> 5"
    assert "hunter2" not in str(rows)


async def test_keys_agents_and_cancels_are_told_too(api: Api) -> None:
    made = await api.post("/api/keys", {"name": "ci", "role": "viewer"})
    await api.delete(f"/api/keys/{made['key']['id']}")
    agent = await api.agent("web-1")
    await api.put(f"/api/agents/{agent['agent_id']}/task-types", {"task_types": [{"name": "scan"}]})
    job = await api.job(target={"type": "any"})
    run = await api.post(f"/api/jobs/{job['id']}/trigger")
    await api.post(f"/api/runs/{run['run_id']}/cancel")
    await api.post(f"/api/runs/{run['run_id']}/cancel")  # nothing to cancel any more, and nothing to tell
    await api.delete(f"/api/agents/{agent['agent_id']}")
    page = await api.get("/api/audit-log")
    told = [(r["operation"], r["resource_type"]) for r in page["data"]]
    assert told == [
        ("agent.deregistered", "agent"),
        ("run.cancelled", "run"),
        ("job.triggered", "job"),
        ("job.created", "job"),
        ("agent.task_types_set", "agent"),
        ("key.revoked", "key"),
        ("key.created", "key"),
    ]
    assert made["raw_key"] not in str(page)


async def test_rows_are_found_by_operation_actor_and_time(api: Api) -> None:
    job = await api.as_role("operator").job("one")
    await api.job("two")
    found = await api.get("/api/audit-log?operation=job.created&actor=OPERATOR")
    assert [r["resource_id"] for r in found["data"]] == [job["id"]]
    assert (await api.get("/api/audit-log?since=2100-01-01T00:00:00Z"))["total"] == 0
    first = await api.get("/api/audit-log?per_page=1")
    second = await api.get(f"/api/audit-log?per_page=1&after={first['next']}")
    assert [p["data"][0]["details"] for p in (first, second)] == ["'two'", "'one'"]
    assert second["next"] is None
    assert (await api.as_role("operator").call("GET", "/api/audit-log")).status == 403


@pytest.mark.parametrize(
    "attempt",
    [
        "UPDATE audit_log SET actor_key_name = 'somebody else'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "BEGIN; SET LOCAL tocsin.forgets_audit = 'on'; DELETE FROM audit_log; COMMIT",
    ],
)
async def test_the_database_refuses_to_change_it(
    api: Api, connection: asyncpg.Connection, attempt: str
) -> None:
    await api.job()
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
        await connection.execute(attempt)


async def test_only_what_is_old_enough_is_forgotten(
    database: Database, connection: asyncpg.Connection
) -> None:
    admin = Principal(new_id(), "admin", Role.ADMIN)
    async with database.transaction() as session:
        await add_audit(session, admin, "test.young", "test")
        now = await read_clock(session)
    await connection.execute(
        "INSERT INTO audit_log (id, at, actor_key_name, operation, resource_type)"
        "SELECT ('00000000-0000-7000-8000-00000000000' || n)::uuid, now() - interval '9 days', 'a', 'test.old', 'test'"
        "FROM generate_series(1, 3) AS n"
    )
    async with database.transaction() as session:
        assert await forget_audit(session, now, 2) == 2
        assert await forget_audit(session, now, 2) == 1
        assert await forget_audit(session, now, 2) == 0
    assert await connection.fetchval("SELECT array_agg(operation) FROM audit_log") == ["test.young"]
