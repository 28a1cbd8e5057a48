"""Pipelines over HTTP: schedules, runs with graph and critical path, retry from the failed step."""

import asyncio
from typing import Any

from tests.integration.api.conftest import Api, Serve, Served

HOURLY = {"type": "cron", "value": "0 0 * * * *"}


async def finish(api: Api, agent: dict[str, Any], *statuses: str) -> list[str]:
    """Take the next executions one after the other and end them so; the jobs they were of."""
    jobs: list[str] = []
    for status in statuses:
        answer = await api.as_role("agent").call("GET", f"/api/agent-queue/{agent['agent_id']}/next?wait=30")
        item = answer.json
        assert item is not None
        jobs.append(item["job_id"])
        report = {
            "execution_id": item["execution_id"],
            "job_id": item["job_id"],
            "agent_id": agent["agent_id"],
            "status": status,
            "stdout": "",
            "stderr": "",
            "stdout_truncated": False,
            "stderr_truncated": False,
            "started_at": "2026-01-31T02:30:00Z",
            "finished_at": "2026-01-31T02:30:01Z",
        }
        await api.as_role("agent").post("/api/callbacks/execution-result", report)
    return jobs


async def ended(api: Api, path: str, status: str) -> dict[str, Any]:
    """A pipeline run, once it has this status."""
    for _ in range(600):
        run = dict(await api.get(path))
        if run["status"] == status:
            return run
        await asyncio.sleep(0.05)
    raise AssertionError(run)


async def test_a_group_starts_at_its_roots_and_is_run_again_from_what_failed(api: Api) -> None:
    agent = await api.agent()
    extract = await api.job("extract", group="ETL")
    load = await api.job("load", group="ETL", depends_on=[{"job_id": "extract"}])
    report = await api.job("report", group="ETL", depends_on=[{"job_id": "load"}])
    ids = [job["id"] for job in (extract, load, report)]

    started = await api.call("POST", "/api/pipelines/ETL/runs")
    assert (started.status, len(started.json["run_ids"])) == (202, 1)
    path = f"/api/pipelines/ETL/runs/{started.json['pipeline_run_id']}"
    assert (await api.get(path))["counts"] == {"pending": 1, "waiting": 2}
    assert (await api.call("POST", path + "/retry")).status == 409

    assert await finish(api, agent, "succeeded", "failed") == ids[:2]
    failed = await ended(api, path, "failed")
    assert [(step["job_name"], step["state"]) for step in failed["steps"]] == [
        ("extract", "succeeded"),
        ("load", "failed"),
        ("report", "not_run"),
    ]
    assert {(edge["parent_id"], edge["job_id"]) for edge in failed["edges"]} == {
        (ids[0], ids[1]),
        (ids[1], ids[2]),
    }
    assert failed["critical_path"] == ids[:2]

    again = await api.call("POST", path + "/retry")
    assert (again.status, len(again.json["run_ids"])) == (202, 1)
    assert await finish(api, agent, "succeeded", "succeeded") == ids[1:]
    succeeded = await ended(api, path, "succeeded")
    assert [step["starts"] for step in succeeded["steps"]] == [1, 2, 1]
    assert succeeded["critical_path"] == ids
    assert (await api.call("POST", path + "/retry")).status == 409

    (listed,) = (await api.get("/api/pipelines/ETL/runs"))["data"]
    assert listed["id"] == succeeded["id"]
    (pipeline,) = await api.get("/api/pipelines")
    assert (pipeline["group"], pipeline["jobs"], pipeline["last_run"]["status"]) == ("ETL", 3, "succeeded")
    kinds = [event["kind"] for event in (await api.get("/api/events"))["data"]]
    assert (kinds.count("group.failed"), kinds.count("group.completed")) == (1, 1)


async def test_a_repeated_request_starts_and_retries_a_pipeline_once(api: Api) -> None:
    agent = await api.agent()
    await api.job("only", group="ETL")
    path, first, second = "/api/pipelines/ETL/runs", {"Idempotency-Key": "1"}, {"Idempotency-Key": "2"}
    started = await api.post(path, headers=first)
    assert await api.post(path, headers=first) == started
    assert (await api.get(path))["total"] == 1
    one = f"{path}/{started['pipeline_run_id']}"
    assert (await api.call("POST", one + "/retry", headers=first)).status == 409, "the key was for a start"
    await finish(api, agent, "failed")
    await ended(api, one, "failed")
    retried = await api.post(one + "/retry", headers=second)
    assert await api.post(one + "/retry", headers=second) == retried
    await finish(api, agent, "succeeded")
    (step,) = (await ended(api, one, "succeeded"))["steps"]
    assert step["starts"] == 2
    assert await api.post(one + "/retry", headers=second) == retried, "also when it would be refused by now"
    kinds = [event["kind"] for event in (await api.get("/api/events"))["data"]]
    assert (kinds.count("group.triggered"), kinds.count("group.retried")) == (1, 1)


async def test_a_schedule_is_checked_kept_and_removed(api: Api) -> None:
    path = "/api/jobs/pipeline-schedule/ETL"
    assert (await api.call("GET", path)).body == b"null"
    for wrong, field in (
        ({"type": "cron", "value": "61 * * * * *"}, "schedule.value"),
        ({"type": "interval", "value": {"interval_secs": 0}}, "schedule.value.interval_secs"),
        ({"type": "interval", "value": {"interval_secs": 9, "counted_from": "finish"}}, "schedule"),
        ({"type": "on_demand"}, "schedule"),
        ("tomorrow", "schedule"),
    ):
        answer = await api.call("PUT", path, {"schedule": wrong})
        assert answer.status == 400, wrong
        assert answer.json["details"][0]["field"] == field
    assert (await api.call("PUT", "/api/jobs/pipeline-schedule/a$b", {"schedule": HOURLY})).status == 400
    assert await api.put(path, {"schedule": HOURLY}) == {"status": "ok", "group": "ETL"}
    assert await api.get(path) == HOURLY
    assert "ETL" in await api.get("/api/jobs/groups")
    await api.put("/api/jobs/rename-group", {"old_name": "ETL", "new_name": "etl"})
    assert await api.get("/api/jobs/pipeline-schedule/etl") == HOURLY
    for _ in range(2):
        await api.delete("/api/jobs/pipeline-schedule/etl")
    assert (await api.call("GET", "/api/jobs/pipeline-schedule/etl")).body == b"null"


async def test_a_schedule_reads_the_wall_clock_of_its_zone(api: Api) -> None:
    path = "/api/jobs/pipeline-schedule/ETL"
    daily = {"type": "cron", "value": "0 30 2 * * *"}
    answer = await api.call("PUT", path, {"schedule": daily, "timezone": "Mars/Olympus"})
    assert (answer.status, answer.json["details"][0]["field"]) == (400, "timezone")
    answer = await api.call("PUT", path, {"schedule": daily, "dst": "often"})
    assert (answer.status, answer.json["details"][0]["field"]) == (400, "dst")
    await api.put(path, {"schedule": daily, "timezone": "Asia/Kolkata", "dst": "skip"})
    assert await api.get(path) == daily, "the schedule itself, as the shared API has it"
    (pipeline,) = await api.get("/api/pipelines")
    assert pipeline["timezone"] == "Asia/Kolkata"
    assert pipeline["next_fire_time"].endswith("T21:00:00Z")


async def test_a_due_pipeline_starts_once_per_instant_with_two_controllers(
    served: Served, serve: Serve
) -> None:
    api = served.api
    async with serve():
        root = await api.job("root", group="tick")
        await api.job("after", group="tick", depends_on=[{"job_id": "root"}])
        every_second = {"type": "cron", "value": "* * * * * *"}
        await api.put("/api/jobs/pipeline-schedule/tick", {"schedule": every_second})
        runs: list[dict[str, Any]] = []
        for _ in range(600):
            runs = (await api.get("/api/pipelines/tick/runs"))["data"]
            if len(runs) >= 3:
                break
            await asyncio.sleep(0.05)
        await api.delete("/api/jobs/pipeline-schedule/tick")
        runs = (await api.get("/api/pipelines/tick/runs"))["data"]
        instants = [run["triggered_by"]["scheduled_for"] for run in runs]
        assert len(instants) >= 3
        assert len(set(instants)) == len(instants)
        of_root = (await api.get(f"/api/jobs/{root['id']}/runs"))["data"]
        assert sorted(run["triggered_by"]["pipeline_run_id"] for run in of_root) == sorted(
            run["id"] for run in runs
        )


async def test_a_step_that_waits_outside_is_retried_once_that_has_ended(api: Api) -> None:
    agent = await api.agent()
    other = await api.job("other", group="Elsewhere")
    first = await api.job("first", group="ETL")
    second = await api.job("second", group="ETL", depends_on=[{"job_id": "first"}, {"job_id": "other"}])
    skipped = await api.job("skipped", group="ETL", depends_on=[{"job_id": "other"}])
    started = await api.call("POST", "/api/pipelines/ETL/runs")
    path = f"/api/pipelines/ETL/runs/{started.json['pipeline_run_id']}"
    assert await finish(api, agent, "succeeded") == [first["id"]]
    assert (await ended(api, path, "incomplete"))["counts"] == {"not_run": 1, "skipped": 1, "succeeded": 1}
    refused = await api.call("POST", path + "/retry")
    assert refused.status == 409
    assert refused.json["error"].endswith("outside of the pipeline run is missing: 'other' has not run")
    assert (await api.get(path))["status"] == "incomplete"

    await api.post(f"/api/jobs/{other['id']}/trigger")
    both = {second["id"], skipped["id"]}
    assert set((await finish(api, agent, *["succeeded"] * 3))[1:]) == both
    again = await api.call("POST", path + "/retry")
    assert (again.status, len(again.json["run_ids"])) == (202, 2)
    assert set(await finish(api, agent, "succeeded", "succeeded")) == both
    assert (await ended(api, path, "succeeded"))["counts"] == {"succeeded": 3}


async def test_an_empty_group_ends_incomplete_and_an_unknown_one_is_not_found(api: Api) -> None:
    await api.post("/api/jobs/groups", {"name": "empty"})
    started = await api.post("/api/pipelines/empty/runs")
    run = await api.get(f"/api/pipelines/empty/runs/{started['pipeline_run_id']}")
    assert (run["status"], run["steps"]) == ("incomplete", [])
    assert (await api.call("POST", "/api/pipelines/nobody/runs")).status == 404
    assert (await api.call("GET", f"/api/pipelines/nobody/runs/{run['id']}")).status == 404
