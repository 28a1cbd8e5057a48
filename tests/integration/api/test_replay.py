"""Running again what ran before, as it was then."""

from typing import Any

from tests.integration.api.conftest import Api, Worker

from tocsin_shared.ids import new_id


async def ended(api: Api, worker: Worker, job: dict[str, Any], **params: Any) -> dict[str, Any]:
    """An execution of the job that has ended."""
    await api.post(f"/api/jobs/{job['id']}/trigger", {"params": params} if params else None)
    execution = await worker.take_one()
    await worker.start(execution)
    await worker.finish(execution)
    return execution


async def test_a_replay_has_the_task_and_the_params_of_then(api: Api, worker: Worker) -> None:
    job = await api.job(task={"type": "shell", "command": "echo old"})
    old = await ended(api, worker, job, who="ann")
    await api.put(f"/api/jobs/{job['id']}", {"task": {"type": "shell", "command": "echo new"}})
    answer = await api.call("POST", f"/api/executions/{old['execution_id']}/replay")
    assert (answer.status, answer.json["message"]) == (202, "job triggered")
    again = await worker.take_one()
    assert again["task"]["command"] == "echo old"
    run = await api.get(f"/api/runs/{answer.json['run_id']}")
    assert (run["job_version"], run["params"]) == (1, {"who": "ann"})
    old_run = (await api.get(f"/api/executions/{old['execution_id']}"))["run_id"]
    assert run["triggered_by"] == {
        "type": "replay",
        "by": "test-admin",
        "run_id": old_run,
        "execution_id": old["execution_id"],
        "cause": [{"type": "api", "job_id": job["id"], "run_id": old_run}],
        "depth": 1,
    }
    assert (await api.get(f"/api/jobs/{job['id']}"))["version"] == 2, "the job stays as it is"


async def test_a_run_can_be_replayed_and_only_once_per_idempotency_key(api: Api, worker: Worker) -> None:
    job = await api.job()
    old = await ended(api, worker, job)
    run_id = (await api.get(f"/api/executions/{old['execution_id']}"))["run_id"]
    headers = {"Idempotency-Key": "again"}
    answers = [await api.post(f"/api/runs/{run_id}/replay", headers=headers) for _ in range(2)]
    assert answers[0] == answers[1]
    assert len((await api.get(f"/api/jobs/{job['id']}/runs"))["data"]) == 2


async def test_a_deleted_job_can_not_be_replayed(api: Api, worker: Worker) -> None:
    job = await api.job(name="gone")
    old = await ended(api, worker, job)
    await api.delete(f"/api/jobs/{job['id']}")
    answer = await api.call("POST", f"/api/executions/{old['execution_id']}/replay")
    assert (answer.status, answer.json["error"]) == (
        409,
        "the job 'gone' was deleted; what ran then can't be run again",
    )


async def test_what_never_ran_can_not_be_replayed(api: Api) -> None:
    for kind in ("executions", "runs"):
        assert (await api.call("POST", f"/api/{kind}/{new_id()}/replay")).status == 404


async def test_one_of_many_executions_is_replayed_on_its_own_host(api: Api, worker: Worker) -> None:
    job = await api.job(target={"type": "all"})
    await api.agent("another")
    old = await ended(api, worker, job)
    started = await api.post(f"/api/executions/{old['execution_id']}/replay")
    assert len(started["execution_ids"]) == 1
    assert (await worker.take_one())["execution_id"] == started["execution_ids"][0]
    run_id = (await api.get(f"/api/executions/{old['execution_id']}"))["run_id"]
    assert len((await api.post(f"/api/runs/{run_id}/replay"))["execution_ids"]) == 2
