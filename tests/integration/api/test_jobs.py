"""Jobs over HTTP: write, read, list, change, delete, trigger."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from tests.integration.api.conftest import Api, Served

from tocsin_shared.ids import new_id

EVERY_HOUR = {"type": "cron", "value": "0 0 * * * *"}


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


async def timer(connection: asyncpg.Connection, job: dict[str, Any]) -> asyncpg.Record | None:
    return await connection.fetchrow("SELECT * FROM timers WHERE job_id = $1", UUID(job["id"]))


async def test_a_job_is_created_read_by_id_or_name_and_deleted(api: Api) -> None:
    answer = await api.call(
        "POST",
        "/api/jobs",
        {"name": "night backup", "task": {"type": "shell", "command": "true"}, "schedule": EVERY_HOUR},
    )
    job = answer.json
    assert answer.status == 201
    assert (job["name"], job["status"], job["version"], job["group"]) == (
        "night backup",
        "scheduled",
        1,
        "Default",
    )
    assert job["created_by"] == "test-admin"
    assert job["next_fire_time"].endswith(":00:00Z")
    assert await api.get(f"/api/jobs/{job['id']}") == job
    assert await api.get("/api/jobs/night backup") == job
    await api.delete(f"/api/jobs/{job['id']}")
    for ref in (job["id"], "night backup"):
        assert (await api.call("GET", f"/api/jobs/{ref}")).status == 404


async def test_a_job_has_the_keys_of_the_shared_api(api: Api) -> None:
    job = await api.job()
    always = {
        "id", "name", "description", "task", "run_as", "schedule", "status", "timeout_secs", "depends_on", "target",
        "created_by", "created_at", "updated_at", "output_rules", "notifications", "group", "retry_max",
        "retry_delay_secs", "retry_backoff", "approval_required", "priority", "sla_warning_mins", "max_concurrent",
        "next_fire_time", "last_execution", "execution_counts", "deps_satisfied", "deps_status",
    }  # fmt: skip
    assert always <= job.keys()
    assert not {"starts_at", "expires_at", "timezone", "sla_deadline", "webhook_token"} & job.keys()
    assert job["execution_counts"] == {"total": 0, "succeeded": 0, "failed": 0}


@pytest.mark.parametrize(
    "schedule", ["on_demand", "manual", {"type": "manual"}, {"type": "on_demand", "value": None}]
)
async def test_a_schedule_is_understood_as_other_clients_write_it(api: Api, schedule: Any) -> None:
    assert (await api.job(schedule=schedule))["schedule"] == {"type": "on_demand"}


async def test_the_body_is_json_whatever_its_content_type_says(api: Api) -> None:
    raw = b'{"name": "a", "task": {"type": "noop"}, "schedule": "manual"}'
    for index, content_type in enumerate(("text/plain", "application/x-www-form-urlencoded", "")):
        answer = await api.call(
            "POST",
            "/api/jobs",
            data=raw.replace(b'"a"', b'"a%d"' % index),
            headers={"Content-Type": content_type},
        )
        assert answer.status == 201


async def test_a_file_that_is_not_base64_is_refused_when_the_job_is_saved(api: Api) -> None:
    def saving(content: str) -> dict[str, Any]:
        task = {"type": "file_push", "filename": "f", "destination": "/srv/f", "content_base64": content}
        return {"name": "push", "task": task, "schedule": {"type": "on_demand"}}

    refused = await api.call("POST", "/api/jobs", saving("bGV2ZWw9aW5mbwo"))
    assert (refused.status, refused.json["details"][0]["field"]) == (400, "task.content_base64")
    assert (await api.call("POST", "/api/jobs", saving("{{CONTENT}}"))).status == 201


async def test_a_taken_name_is_a_conflict_and_changes_nothing(api: Api) -> None:
    one, other = await api.job("one"), await api.job("other")
    answer = await api.call(
        "POST", "/api/jobs", {"name": "one", "task": {"type": "noop"}, "schedule": "manual"}
    )
    assert (answer.status, answer.json["code"]) == (409, "name_taken")
    assert (await api.call("PUT", f"/api/jobs/{other['id']}", {"name": "one"})).status == 409
    assert await api.get(f"/api/jobs/{other['id']}") == other
    assert await api.get(f"/api/jobs/{one['id']}") == one


async def test_a_job_that_was_read_can_be_sent_back(api: Api) -> None:
    job = await api.job(schedule=EVERY_HOUR, timezone="Europe/Berlin")
    assert await api.put(f"/api/jobs/{job['id']}", job) == job


async def test_only_a_changed_definition_is_a_new_version(api: Api) -> None:
    job = await api.job(schedule=EVERY_HOUR)
    path = f"/api/jobs/{job['id']}"
    assert (await api.put(path, {"description": "x"}))["version"] == 2
    assert (await api.put(path, {"description": "x"}))["version"] == 2
    assert (await api.put(path, {"status": "paused"}))["version"] == 2
    assert (await api.put(path, {"description": None}))["version"] == 3
    versions = await api.get(path + "/versions")
    assert [v["version"] for v in versions] == [3, 2, 1]
    assert [v["snapshot"]["description"] for v in versions] == [None, "x", None]
    assert {v["changed_by"] for v in versions} == {"test-admin"}
    await api.delete(path)
    assert len(await api.get(path + "/versions")) == 3


async def test_versions_of_an_unknown_job_are_none(api: Api) -> None:
    assert await api.get(f"/api/jobs/{new_id()}/versions") == []


async def test_pausing_takes_the_timer_away_and_enabling_brings_it_back(
    api: Api, connection: asyncpg.Connection
) -> None:
    job = await api.job(schedule=EVERY_HOUR)
    path = f"/api/jobs/{job['id']}"
    assert await timer(connection, job) is not None
    paused = await api.put(path, {"status": "disabled"})
    assert (paused["status"], paused["next_fire_time"]) == ("paused", None)
    assert await timer(connection, job) is None
    enabled = await api.put(path, {"status": "enabled"})
    assert (enabled["status"], enabled["next_fire_time"]) == ("scheduled", job["next_fire_time"])


async def test_the_timer_follows_version_and_priority(api: Api, connection: asyncpg.Connection) -> None:
    job = await api.job(schedule=EVERY_HOUR)
    await api.put(f"/api/jobs/{job['id']}", {"priority": 7})
    row = await timer(connection, job)
    assert row is not None
    assert (row["job_version"], row["priority"]) == (2, 7)


async def test_an_instant_that_is_due_right_now_survives_an_edit(
    api: Api, served: Served, connection: asyncpg.Connection
) -> None:
    """G1: the ticker may be a moment late; a change of the description must not swallow the occurrence."""
    job = await api.job(schedule=EVERY_HOUR)
    due = datetime.now(UTC) + timedelta(seconds=2)
    await connection.execute("UPDATE timers SET next_fire_at = $2 WHERE job_id = $1", UUID(job["id"]), due)
    await api.put(f"/api/jobs/{job['id']}", {"description": "changed"})
    row = await timer(connection, job)
    assert row is not None
    assert (row["next_fire_at"], row["job_version"]) == (due, 2)


async def test_a_one_shot_in_the_past_runs_at_once(api: Api, connection: asyncpg.Connection) -> None:
    at = datetime.now(UTC) - timedelta(seconds=30)
    job = await api.job(schedule={"type": "one_shot", "value": iso(at)})
    async with asyncio.timeout(5):
        while not (page := await api.get(f"/api/runs?job_id={job['id']}"))["data"]:
            await asyncio.sleep(0.05)
    (run,) = page["data"]
    assert run["triggered_by"] == {"type": "scheduler"}
    async with asyncio.timeout(5):
        while (await api.get(f"/api/jobs/{job['id']}"))["status"] != "unscheduled":
            await asyncio.sleep(0.05)


async def test_whoever_changes_a_job_that_somebody_else_changed_is_told(api: Api) -> None:
    job = await api.job()
    path = f"/api/jobs/{job['id']}"
    changed = await api.put(path, {"description": "mine", "if_unmodified_since": job["updated_at"]})
    answer = await api.call("PUT", path, {"description": "theirs", "if_unmodified_since": job["updated_at"]})
    assert (answer.status, answer.json["code"]) == (409, "conflict")
    assert "modified by another user" in answer.json["error"]
    assert (await api.get(path))["description"] == "mine"
    # Clients keep fewer digits than they got.
    for sent in (changed["updated_at"][:23] + "Z", changed["updated_at"][:19] + "Z"):
        assert (await api.call("PUT", path, {"if_unmodified_since": sent})).status == 200


@pytest.mark.parametrize(
    ("definition", "field"),
    [
        ({"schedule": {"type": "cron", "value": "61 * * * * *"}}, "schedule.value"),
        ({"schedule": {"type": "cron", "value": "0 0 0 30 2 *"}}, "schedule.value"),
        ({"schedule": EVERY_HOUR, "timezone": "Mars/Olympus"}, "timezone"),
        ({"schedule": EVERY_HOUR, "timezone": "../../etc/passwd"}, "timezone"),
        ({"schedule": EVERY_HOUR, "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        (
            {"target": {"type": "agent", "agent_id": "0198d2c1-7c3a-7b1e-9d55-3f6a1c2b4d5e"}},
            "target.agent_id",
        ),
        ({"task": {"type": "custom", "agent_task_type": "x"}, "target": None}, "target"),
        ({"task": {"type": "noop"}, "run_as": "deploy"}, "run_as"),
        ({"on_lost": "retry", "lost_after_secs": 60, "kill_grace_secs": 600}, "lost_after_secs"),
        ({"task": {"type": "custom", "agent_task_type": "x"}, "on_lost": "retry"}, "on_lost"),
    ],
)
async def test_what_cannot_work_is_refused_at_once(api: Api, definition: dict[str, Any], field: str) -> None:
    body = {
        "name": "x",
        "task": {"type": "noop"},
        "schedule": "manual",
        "target": {"type": "any"},
        **definition,
    }
    answer = await api.call("POST", "/api/jobs", body)
    assert (answer.status, [d["field"] for d in answer.json["details"]]) == (400, [field])
    job = await api.job()
    answer = await api.call("PUT", f"/api/jobs/{job['id']}", {**definition})
    assert (answer.status, [d["field"] for d in answer.json["details"]]) == (400, [field])


async def test_all_that_is_wrong_is_told_at_once(api: Api) -> None:
    body = {
        "name": "x",
        "task": {"type": "custom", "agent_task_type": "x"},
        "schedule": {"type": "cron", "value": "nonsense"},
        "timezone": "Nowhere",
        "run_as": "deploy",
    }
    answer = await api.call("POST", "/api/jobs", body)
    fields = {d["field"] for d in answer.json["details"]}
    assert fields == {"schedule.value", "timezone", "target", "run_as"}


async def test_an_expired_job_can_be_renamed_but_not_enabled(
    api: Api, connection: asyncpg.Connection
) -> None:
    soon = iso(datetime.now(UTC) + timedelta(seconds=1.5))
    job = await api.job(
        schedule={"type": "interval", "value": {"interval_secs": 1}}, expires_at=soon, status="paused"
    )
    await asyncio.sleep(1.6)
    path = f"/api/jobs/{job['id']}"
    assert (await api.put(path, {"name": "renamed"}))["name"] == "renamed"
    answer = await api.call("PUT", path, {"status": "scheduled"})
    assert [d["field"] for d in answer.json["details"]] == ["expires_at"]


async def test_jobs_are_listed_by_name_in_pages(api: Api) -> None:
    names = [f"job-{n:02}" for n in range(12)]
    for name in reversed(names):
        await api.job(name)
    first = await api.get("/api/jobs?per_page=5")
    assert [j["name"] for j in first["data"]] == names[:5]
    assert (first["total"], first["total_pages"], first["total_is_capped"]) == (12, 3, False)
    last = await api.get("/api/jobs?per_page=5&page=3")
    assert [j["name"] for j in last["data"]] == names[10:]
    assert last["next"] is None
    assert (await api.get("/api/jobs?page=99"))["data"] == []
    seen, after = [], ""
    while after is not None:
        page = await api.get("/api/jobs", params={"per_page": "5", "after": after})
        seen += [j["name"] for j in page["data"]]
        after = page["next"]
    assert seen == names


FILTERS: list[tuple[dict[str, str], set[str]]] = [
    ({"status": "enabled"}, {"deploy_a", "deploy%b"}),
    ({"status": "disabled"}, {"backup"}),
    ({"status": "completed"}, set()),
    ({"search": "DEPLOY"}, {"deploy_a", "deploy%b"}),
    ({"search": "y_a"}, {"deploy_a"}),
    ({"search": "%"}, {"deploy%b"}),
    ({"search": "\\"}, {"backup"}),
    ({"search": "dump-all"}, {"backup"}),
    ({"group": "ops"}, {"backup"}),
    ({"group": "ops", "search": "deploy"}, set()),
    ({"group": "Default", "status": ""}, {"deploy_a", "deploy%b"}),
]


async def test_jobs_are_found_literally(api: Api, connection: asyncpg.Connection) -> None:
    await api.job("deploy_a")
    odd = await api.job("deploy b")
    await connection.execute("UPDATE jobs SET name = 'deploy%b' WHERE id = $1", UUID(odd["id"]))
    shell = {"type": "shell", "command": "dump-all \\ x"}
    await api.job("backup", group="ops", status="paused", task=shell)
    wrong = []
    for query, expected in FILTERS:
        jobs = (await api.get("/api/jobs", params=query))["data"]
        found = {"deploy%b" if j["id"] == odd["id"] else j["name"] for j in jobs}
        if found != expected:
            wrong.append((query, found))
    assert wrong == []


async def test_groups_are_those_in_use_and_the_default(api: Api) -> None:
    assert await api.get("/api/jobs/groups") == ["Default"]
    await api.job(group="zeta")
    await api.job(group=" alpha ")
    await api.job(group="alpha")
    assert await api.get("/api/jobs/groups") == ["Default", "alpha", "zeta"]


async def test_a_trigger_says_what_it_started(api: Api) -> None:
    job = await api.job()
    answer = await api.call("POST", f"/api/jobs/{job['id']}/trigger", {"params": {"a": [1, {"b": None}]}})
    assert answer.status == 202
    assert answer.json["message"] == "job triggered"
    (execution_id,) = answer.json["execution_ids"]
    run = await api.get(f"/api/runs/{answer.json['run_id']}")
    assert (run["status"], run["params"]) == ("pending", {"a": [1, {"b": None}]})
    assert [e["id"] for e in run["executions"]] == [execution_id]
    shown = await api.get(f"/api/jobs/{job['id']}")
    assert shown["last_execution"] == {
        "id": execution_id,
        "status": "pending",
        "exit_code": None,
        "finished_at": None,
    }
    assert shown["execution_counts"]["total"] == 1


@pytest.mark.parametrize(
    "more", [{}, {"data": b""}, {"data": b"  "}, {"json": {}}, {"json": {"params": None}}]
)
async def test_a_trigger_needs_no_body(api: Api, more: dict[str, Any]) -> None:
    job = await api.job()
    path = f"/api/jobs/{job['name']}/trigger?skip_deps=true"
    assert (await api.call("POST", path, **more)).status == 202


async def test_triggering_works_although_the_job_is_paused(api: Api) -> None:
    job = await api.job(status="paused", schedule=EVERY_HOUR)
    assert (await api.call("POST", f"/api/jobs/{job['id']}/trigger")).status == 202


async def test_the_same_key_and_request_trigger_once(api: Api) -> None:
    job = await api.job()
    path, headers = f"/api/jobs/{job['id']}/trigger", {"Idempotency-Key": "k1"}
    answers = await asyncio.gather(*(api.call("POST", path, headers=headers) for _ in range(8)))
    assert {a.status for a in answers} == {202}
    assert len({a.json["run_id"] for a in answers}) == 1
    assert (await api.get("/api/runs"))["total"] == 1
    other = await api.call("POST", path, {"params": {"x": 1}}, headers=headers)
    assert (other.status, other.json["code"]) == (409, "conflict")
    mine = await api.as_role("operator").call("POST", path, headers=headers)
    assert mine.json["run_id"] != answers[0].json["run_id"]


async def test_a_refused_request_does_not_use_its_key_up(api: Api) -> None:
    headers = {"Idempotency-Key": "k2"}
    body = {"name": "x", "task": {"type": "noop"}, "schedule": {"type": "cron", "value": "bad"}}
    assert (await api.call("POST", "/api/jobs", body, headers=headers)).status == 400
    body["schedule"] = EVERY_HOUR
    one = await api.call("POST", "/api/jobs", body, headers=headers)
    again = await api.call("POST", "/api/jobs", body, headers=headers)
    assert (one.status, again.status) == (201, 201)
    assert one.json["id"] == again.json["id"]


@pytest.mark.parametrize("key", ["", "x" * 256, "ümlaut"])
async def test_an_idempotency_key_is_short_printable_ascii(api: Api, key: str) -> None:
    job = await api.job()
    answer = await api.call("POST", f"/api/jobs/{job['id']}/trigger", headers={"Idempotency-Key": key})
    assert [d["field"] for d in answer.json["details"]] == ["Idempotency-Key"]


async def test_deleting_cancels_what_waits_and_keeps_history(
    api: Api, connection: asyncpg.Connection
) -> None:
    job = await api.job(schedule=EVERY_HOUR)
    launched = await api.post(f"/api/jobs/{job['id']}/trigger")
    await api.delete(f"/api/jobs/{job['id']}")
    assert await timer(connection, job) is None
    execution = await api.get(f"/api/executions/{launched['execution_ids'][0]}")
    assert (execution["status"], execution["reason"]) == ("cancelled", "job_deleted")
    assert (execution["job_name"], execution["task_snapshot"]["type"]) == (job["name"], "noop")
    history = await api.get(f"/api/jobs/{job['id']}/executions")
    assert history["total"] == 1
    for method, path in (("PUT", ""), ("DELETE", ""), ("POST", "/trigger")):
        assert (await api.call(method, f"/api/jobs/{job['id']}{path}", {})).status == 404


async def test_triggers_edits_and_deletions_at_once_end_well(api: Api) -> None:
    job = await api.job(schedule={"type": "interval", "value": {"interval_secs": 1}})
    path = f"/api/jobs/{job['id']}"
    work = [api.call("POST", path + "/trigger") for _ in range(15)]
    work += [api.call("PUT", path, {"description": str(n), "status": "scheduled"}) for n in range(15)]
    answers = await asyncio.gather(*work, api.call("DELETE", path))
    assert {a.status for a in answers} <= {200, 202, 204, 404}
    await asyncio.sleep(0.2)
    pending = await api.get("/api/executions?status=pending")
    assert pending["data"] == []


async def test_changes_are_told_as_events_without_values(api: Api) -> None:
    job = await api.job("secret job")
    shell = {"type": "shell", "command": "echo hunter2"}
    await api.put(f"/api/jobs/{job['id']}", {"task": shell, "status": "paused"})
    await api.post(f"/api/jobs/{job['id']}/trigger")
    await api.delete(f"/api/jobs/{job['id']}")
    events = (await api.get("/api/events"))["data"]
    told = [e for e in reversed(events) if e["job_id"] == job["id"] and e["kind"].startswith("job.")]
    assert [e["kind"] for e in told] == ["job.created", "job.updated", "job.triggered", "job.deleted"]
    assert all("'secret job'" in e["message"] and e["api_key_name"] == "test-admin" for e in told)
    assert told[1]["details"] == "changed: task, status (version 2)"
    assert "hunter2" not in str(events)


async def test_what_happens_to_lost_executions_is_read_as_it_was_written(api: Api) -> None:
    job = await api.job()
    assert (job["on_lost"], job["on_lost_max"]) == ("fail", 3)
    changed = await api.call(
        "PUT", f"/api/jobs/{job['id']}", {"on_lost": "retry", "on_lost_max": 1, "lost_after_secs": 86_400}
    )
    assert (changed.status, changed.json["on_lost"], changed.json["on_lost_max"]) == (200, "retry", 1)


async def test_a_job_in_quarantine_says_why_until_a_working_schedule_is_saved(
    api: Api, connection: asyncpg.Connection
) -> None:
    job = await api.job(schedule=EVERY_HOUR)
    assert job["quarantined_reason"] is None
    for statement in (
        """UPDATE job_versions SET definition = jsonb_set(definition, '{timezone}', '"Mars/Olympus"')""",
        """UPDATE jobs SET definition = jsonb_set(definition, '{timezone}', '"Mars/Olympus"')""",
        "UPDATE timers SET next_fire_at = now()",
    ):
        await connection.execute(statement)
    path = f"/api/jobs/{job['id']}"
    async with asyncio.timeout(10):
        while (shown := await api.get(path))["quarantined_reason"] is None:
            await asyncio.sleep(0.05)
    assert "Mars/Olympus" in shown["quarantined_reason"]
    assert (shown["status"], shown["next_fire_time"]) == ("unscheduled", None)
    refused = await api.call("PUT", path, {"status": "scheduled"})
    assert (refused.status, refused.json["details"][0]["field"]) == (400, "timezone")
    assert (await api.call("PUT", path, {"description": "still bad"})).json["quarantined_reason"] is not None
    repaired = (await api.call("PUT", path, {"timezone": "Europe/Berlin"})).json
    assert (repaired["quarantined_reason"], repaired["status"]) == (None, "scheduled")
    assert repaired["next_fire_time"] is not None


async def test_a_definition_that_cannot_be_read_is_repaired_by_saving_what_is_wrong_with_it(
    api: Api, connection: asyncpg.Connection
) -> None:
    job = await api.job(schedule=EVERY_HOUR)
    await connection.execute(
        """UPDATE jobs SET definition = definition || '{"task": {"type": "of tomorrow"}, "new_key": 1}'"""
    )
    path = f"/api/jobs/{job['id']}"
    assert (await api.call("PUT", path, {"description": "x"})).status == 400
    repaired = await api.call("PUT", path, {"task": {"type": "noop"}})
    assert (repaired.status, repaired.json["version"]) == (200, 2)
    assert (await api.call("POST", f"{path}/trigger")).status < 300


async def test_a_trigger_says_who_asked_and_through_what(api: Api) -> None:
    job = await api.job()
    await api.agent()
    for headers, kind in (({}, "api"), ({"User-Agent": "tocsin-cli/1.0"}, "cli")):
        started = await api.post(f"/api/jobs/{job['id']}/trigger", headers=headers)
        run = await api.get(f"/api/runs/{started['run_id']}")
        assert run["triggered_by"] == {"type": kind, "by": "test-admin"}
