"""Running a job again on the hosts of an earlier run."""

from typing import Any

from tests.integration.api.conftest import Api, Worker, new_worker

from tocsin_shared.ids import new_id


async def run_on(api: Api, job: dict[str, Any], workers: list[tuple[Worker, str]]) -> str:
    """A run that ended so on these hosts."""
    run_id = str((await api.post(f"/api/jobs/{job['id']}/trigger"))["run_id"])
    for one, status in workers:
        execution = await one.take_one()
        await one.start(execution)
        await one.finish(execution, status)
    return run_id


async def test_only_the_hosts_that_failed_run_again(api: Api, worker: Worker) -> None:
    other = await new_worker(api, "other")
    job = await api.job(target={"type": "all"})
    old = await run_on(api, job, [(worker, "succeeded"), (other, "failed")])
    started = await api.post(f"/api/runs/{old}/retry")
    run = await api.get(f"/api/runs/{started['run_id']}")
    assert [one["agent_id"] for one in run["executions"]] == [str(other.id)]
    assert (run["triggered_by"]["type"], run["triggered_by"]["run_id"]) == ("retry", old)
    assert [link["run_id"] for link in run["triggered_by"]["cause"]] == [old]
    execution = await other.take_one()
    await other.finish(execution)
    everywhere = await api.post(f"/api/runs/{old}/retry", {"only": "all"})
    assert len(everywhere["execution_ids"]) == 2
    done = await api.call("POST", f"/api/runs/{started['run_id']}/retry")
    assert (done.status, done.json["error"]) == (
        409,
        "every host of the run succeeded: there is nothing to try again",
    )


async def test_hosts_that_are_gone_are_named(api: Api, worker: Worker) -> None:
    other = await new_worker(api, "other")
    job = await api.job(target={"type": "all"})
    old = await run_on(api, job, [(worker, "failed"), (other, "failed")])
    await api.delete("/api/agents/other")
    started = await api.post(f"/api/runs/{old}/retry")
    run = await api.get(f"/api/runs/{started['run_id']}")
    assert [one["agent_id"] for one in run["executions"]] == [str(worker.id)]
    assert [one["why"] for one in run["not_reached"]] == ["was removed"]


async def test_what_can_not_be_tried_again_is_refused(api: Api, worker: Worker) -> None:
    assert (await api.call("POST", f"/api/runs/{new_id()}/retry")).status == 404
    job = await api.job()
    running = (await api.post(f"/api/jobs/{job['id']}/trigger"))["run_id"]
    answer = await api.call("POST", f"/api/runs/{running}/retry")
    assert (answer.status, "has not ended" in answer.json["error"]) == (409, True)
    await worker.finish(await worker.take_one())
    assert (await api.call("POST", f"/api/runs/{running}/retry")).status == 409
    again = await api.call("POST", f"/api/runs/{running}/retry", {"only": "all"})
    assert again.status == 202
    assert (await api.call("POST", f"/api/runs/{running}/retry", {"only": "some"})).status == 400
