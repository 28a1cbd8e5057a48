"""Why, over HTTP."""

from typing import Any

from tests.integration.api.conftest import Api, Worker

from tocsin_shared.ids import new_id


def codes(found: dict[str, Any]) -> list[str]:
    return [one["code"] for one in found["findings"]]


async def test_a_run_that_waits_says_for_whom_and_since_when(api: Api, worker: Worker) -> None:
    job = await api.job(target={"type": "tagged", "tag": "nowhere"})
    run_id = (await api.post(f"/api/jobs/{job['id']}/trigger"))["run_id"]
    found = await api.as_role("viewer").get(f"/api/runs/{run_id}/explain")
    assert codes(found) == ["trigger", "queue", "no_agent"]
    assert found["findings"][2]["message"] == "no agent matches the target: worker lacks the tag nowhere"
    assert [one["name"] for one in found["agents"]] == ["worker"]
    assert (await api.call("GET", f"/api/runs/{new_id()}/explain")).status == 404


async def test_a_run_that_ended_says_how(api: Api, worker: Worker) -> None:
    job = await api.job()
    run_id = (await api.post(f"/api/jobs/{job['id']}/trigger"))["run_id"]
    execution = await worker.take_one()
    await worker.start(execution)
    assert codes(await api.get(f"/api/runs/{run_id}/explain")) == ["trigger", "running"]
    await worker.finish(execution, "failed", reason="exit_code", exit_code=3)
    found = await api.get(f"/api/runs/{run_id}/explain")
    assert codes(found) == ["trigger", "exit_code", "exit_code"]
    assert found["summary"].startswith("the run failed (exit_code")


async def test_a_job_says_what_would_keep_it_from_running_now(api: Api, worker: Worker) -> None:
    job = await api.job(name="busy", max_concurrent=1)
    found = await api.get("/api/jobs/busy/explain")
    assert (found["would_run_now"], codes(found)) == (True, ["on_demand", "never_ran"])
    await api.post(f"/api/jobs/{job['id']}/trigger")
    found = await api.get("/api/jobs/busy/explain")
    assert (found["would_run_now"], codes(found)) == (False, ["on_demand", "overlap", "last_run"])
    await api.put("/api/jobs/busy", {"status": "paused", "overlap": "queue", "concurrency": {"key": "db"}})
    assert "paused" in codes(await api.get("/api/jobs/busy/explain"))
    assert (await api.call("GET", "/api/jobs/nothing/explain")).status == 404
