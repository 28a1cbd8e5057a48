"""Everything out, in again, and away."""

import copy
from typing import Any

import asyncpg
import pytest
from tests.integration.api.conftest import Api, Serve, Served, Worker

from tocsin_controller.security.sealing import new_key
from tocsin_controller.security.vault_keys import check_keys
from tocsin_controller.store.copying import tables
from tocsin_controller.store.database import Database
from tocsin_controller.store.moving import KEPT
from tocsin_shared.ids import new_id

CONFIRM = {"X-Confirm-Delete": "yes-delete-all-data"}


async def wipe(api: Api) -> None:
    answer = await api.call("DELETE", "/api/data/delete", headers=CONFIRM)
    assert answer.status == 200, answer.body


async def something_of_each(api: Api) -> dict[str, Any]:
    """Jobs, one of them over, one that waits for another, variables, a template, a setting."""
    cron = {"type": "cron", "value": "0 0 3 * * *"}
    nightly = await api.job("nightly", group="ops", schedule=cron, priority=7)
    over = await api.job("once", schedule={"type": "one_shot", "value": "2026-01-01T00:00:00Z"})
    await api.put(f"/api/jobs/{over['id']}", {"status": "unscheduled"})
    await api.job("after it", group="ops", depends_on=[{"job_id": nightly["id"]}])
    await api.post("/api/calendars", {"name": "closed", "dates": ["2026-12-24"]})
    await api.post("/api/jobs/groups", {"name": "empty"})
    await api.post("/api/variables", {"name": "HOST", "value": "db1"})
    await api.post("/api/variables", {"name": "PASSWORD", "value": "hunter2", "secret": True})
    await api.post("/api/templates", {"name": "mine", "snapshot": {"task": {"type": "noop"}}})
    await api.put("/api/settings", {"retention_days": "14"})
    await api.put("/api/jobs/pipeline-schedule/ops", {"schedule": cron, "timezone": "Asia/Kolkata"})
    return dict(await api.get("/api/data/export"))


def essence(export: dict[str, Any]) -> dict[str, Any]:
    """An export without what says when things were made."""
    kept = copy.deepcopy({key: export[key] for key in ("jobs", "groups", "settings", "calendars")})
    for job in kept["jobs"]:
        for name in ("created_at", "updated_at"):
            del job[name]
    kept["templates"] = [t["name"] for t in export["templates"]]
    kept["variables"] = [(v["name"], v["value"]) for v in export["variables"]]
    return kept


async def test_what_is_exported_can_be_imported_again(serve: Serve, database: Database) -> None:
    async with serve(encryption_key=new_key()) as served:
        await check_keys(database, served.engine.vault)
        api = served.api
        masked = await something_of_each(api)
        assert "hunter2" not in str(masked)
        assert [v["value"] for v in masked["variables"]] == ["db1", "********"]
        readable = await api.get("/api/data/export?include_secrets=true")
        assert [v["value"] for v in readable["variables"]] == ["db1", "hunter2"]
        assert readable["api_keys"][0].keys() >= {"name", "role", "active", "allowed_groups"}
        assert "tsk_" not in str(readable)

        await wipe(api)
        assert (await api.get("/api/jobs"))["total"] == 0
        answer = await api.post("/api/data/import", readable)
        assert answer == {
            "status": "ok",
            "dry_run": False,
            "imported": {
                "groups": 2,
                "variables": 2,
                "connections": 0,
                "scripts": 0,
                "templates": 1,
                "calendars": 1,
                "jobs": 3,
                "settings": 2,
            },
            "skipped": {"templates": 8},
        }
        assert essence(await api.get("/api/data/export?include_secrets=true")) == essence(readable)
        nightly = await api.get("/api/jobs/nightly")
        assert nightly["next_fire_time"] is not None
        again = await api.post("/api/data/import", masked)
        assert set(again["imported"].values()) == {0, 1}  # the setting is set again
        assert again["skipped"] == {"variables": 2, "templates": 9, "calendars": 1, "jobs": 3, "settings": 1}


async def test_connections_move_with_their_secrets_and_only_with_them(
    serve: Serve, database: Database
) -> None:
    async with serve(encryption_key=new_key()) as served:
        await check_keys(database, served.engine.vault)
        api = served.api
        config = {"connection_string": "postgresql://u:hunter2@db/x", "tls": True}
        body = {"name": "prod", "conn_type": "postgres", "description": "d", "config": config}
        made = await api.post("/api/connections", body)
        task = {"type": "sql", "driver": "postgres", "query": "SELECT 1", "connection": "prod"}
        await api.job("report", task=task)
        masked = await api.get("/api/data/export")
        assert "connections" not in masked
        readable = await api.get("/api/data/export?include_secrets=true")
        assert [{key: one[key] for key in body} for one in readable["connections"]] == [body]

        await wipe(api)
        await api.delete("/api/connections/prod")
        refused = await api.call("POST", "/api/data/import", masked)
        assert [d["field"] for d in refused.json["details"]] == ["jobs.0.task.connection"]
        imported = await api.post("/api/data/import", readable)
        assert (imported["imported"]["connections"], imported["imported"]["jobs"]) == (1, 1)
        again = await api.get("/api/data/export?include_secrets=true")
        assert again["connections"][0]["config"] == config
        assert (await api.get("/api/connections/prod"))["config"] == made["config"]
        assert (await api.post("/api/data/import", readable))["skipped"]["connections"] == 1
        readable["connections"] = [{**body, "name": "new", "config": {"connection_strin": "x"}}]
        broken = await api.call("POST", "/api/data/import", readable)
        assert {d["field"] for d in broken.json["details"]} == {
            "connections.0.config.connection_string",
            "connections.0.config.connection_strin",
        }


async def test_one_mistake_imports_nothing_and_all_mistakes_are_named(api: Api) -> None:
    export = await something_of_each_without_secrets(api)
    await wipe(api)
    before = await api.get("/api/data/export")
    broken = copy.deepcopy(export)
    broken["jobs"][0]["schedule"] = {"type": "cron", "value": "0 0 99 * * *"}
    broken["jobs"][1]["target"] = {"type": "agent", "agent_id": str(new_id())}
    broken["jobs"].append({"name": "x", "task": {"type": "shell"}})
    broken["jobs"].append({"id": "no id"})
    broken["variables"] = [{"name": "with space", "value": "x"}, {"name": ["a"], "value": ["b"]}]
    broken["templates"].append({"name": ""})
    broken["settings"] = {"retention_days": "many"}
    answer = await api.call("POST", "/api/data/import", broken)
    assert answer.status == 400
    found = {d["field"] for d in answer.json["details"]}
    assert found >= {
        "jobs.0.schedule.value",
        "jobs.1.target.agent_id",
        "jobs.2.task.command",
        "jobs.2.schedule",
        "jobs.3.id",
        "variables.0.name",
        "variables.1.name",
        "settings.retention_days",
    }
    after = await api.get("/api/data/export")
    assert {**after, "exported_at": ""} == {**before, "exported_at": ""}


async def something_of_each_without_secrets(api: Api) -> dict[str, Any]:
    await api.job("nightly", group="ops", schedule={"type": "cron", "value": "0 0 3 * * *"})
    await api.job("other")
    await api.post("/api/templates", {"name": "mine", "snapshot": {}})
    return dict(await api.get("/api/data/export"))


async def test_a_dry_run_says_what_an_import_would_do_and_does_nothing(api: Api) -> None:
    export = await something_of_each_without_secrets(api)
    await wipe(api)
    rehearsed = await api.post("/api/data/import?dry_run=true", export)
    assert rehearsed["dry_run"] is True
    assert (await api.get("/api/jobs"))["total"] == 0
    done = await api.post("/api/data/import", export)
    assert done == {**rehearsed, "dry_run": False}


async def test_schedules_of_groups_are_taken_from_where_the_shared_api_has_them(api: Api) -> None:
    hourly = {"type": "interval", "value": {"interval_secs": 3600}}
    settings = {"pipeline_schedule_ETL": '{"type": "interval", "value": {"interval_secs": 3600}}'}
    answer = await api.post("/api/data/import", {"settings": settings})
    assert answer["imported"]["settings"] == 1
    assert await api.get("/api/jobs/pipeline-schedule/ETL") == hourly
    assert (await api.post("/api/data/import", {"settings": settings}))["skipped"] == {"settings": 1}
    wrong = await api.call("POST", "/api/data/import", {"settings": {"pipeline_schedule_x": "[]"}})
    assert (wrong.status, wrong.json["details"][0]["field"]) == (400, "settings.pipeline_schedule_x")


async def test_an_agent_is_found_by_its_name_in_another_installation(api: Api) -> None:
    agent = await api.agent("web-1")
    document = {
        "jobs": [
            {
                "name": "there",
                "task": {"type": "noop"},
                "schedule": {"type": "on_demand"},
                "target": {"type": "agent", "agent_id": "11111111-1111-4111-8111-111111111111"},
            }
        ],
        "agents": [{"id": "11111111-1111-4111-8111-111111111111", "name": "web-1"}],
        "settings": {"theme": "dark"},
    }
    answer = await api.post("/api/data/import", document)
    assert answer["skipped"] == {"settings": 1}
    assert (await api.get("/api/jobs/there"))["target"]["agent_id"] == agent["agent_id"]


async def test_data_is_deleted_only_on_purpose_and_the_audit_log_stays(
    served: Served, worker: Worker, connection: asyncpg.Connection
) -> None:
    api = served.api
    job = await api.job("doomed")
    await api.post(f"/api/jobs/{job['id']}/trigger")
    execution = await worker.take_one()
    assert (await api.call("DELETE", "/api/data/delete")).status == 400
    held = await api.call("DELETE", "/api/data/delete", headers=CONFIRM)
    assert (held.status, held.json["error"]) == (
        409,
        "agents have 1 executions: pause jobs and cancel what runs first",
    )
    await worker.finish(execution)
    answer = await api.call("DELETE", "/api/data/delete", headers=CONFIRM)
    assert answer.json == {"deleted": True, "jobs_removed": 1}
    assert (await api.get("/api/executions"))["total"] == 0
    assert [e["kind"] for e in (await api.get("/api/events"))["data"]] == ["data.deleted"]
    operations = [r["operation"] for r in (await api.get("/api/audit-log"))["data"]]
    assert operations == ["data.deleted", "job.triggered", "job.created"]
    assert len(await api.get("/api/agents")) == 1
    await api.job("doomed")  # everything works as before
    for method, path in (("GET", "export"), ("POST", "import"), ("DELETE", "delete")):
        assert (await api.as_role("operator").call(method, f"/api/data/{path}")).status == 403


async def test_what_migrations_put_into_tables_is_kept_when_data_is_deleted(database: Database) -> None:
    async with database.acquire() as session:
        filled = {
            table.name
            for table in await tables(session)
            if await session.connection.fetchval(f"SELECT EXISTS (SELECT FROM {table.name})")  # noqa: S608  from the catalogue
        }
    assert filled <= KEPT


@pytest.mark.parametrize(
    "body", [{"jobs": {}}, {"jobs": [1]}, {"export_version": 3}, {"settings": {"a": []}}]
)
async def test_what_is_no_export_is_refused(api: Api, body: dict[str, Any]) -> None:
    assert (await api.call("POST", "/api/data/import", body)).status == 400
