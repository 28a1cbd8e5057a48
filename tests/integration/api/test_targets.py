"""Which agents a target means, over HTTP."""

from typing import Any

import pytest
from tests.integration.api.conftest import Api, Worker


def verdicts(found: dict[str, Any]) -> dict[str, tuple[bool, bool, list[str]]]:
    return {
        one["name"]: (one["matches"], one["is_ready"], [h["code"] for h in one["hindrances"]])
        for one in found["agents"]
    }


async def test_a_target_is_explained_agent_by_agent(api: Api) -> None:
    await api.agent("web", tags=["linux", "web"])
    await api.agent("db", tags=["linux", "db"])
    await api.agent("printer", tags=["linux"], task_types=["http"])
    question = {"target": {"type": "tagged", "expression": "linux and not db"}, "task_type": "shell"}
    found = await api.as_role("viewer").post("/api/targets/explain", question)
    assert (found["matching"], found["ready"], found["is_fan_out"]) == (1, 1, False)
    assert verdicts(found) == {
        "web": (True, True, []),
        "db": (False, False, ["tags"]),
        "printer": (False, False, ["task_type"]),
    }
    assert found["agents"][0]["name"] == "web"
    assert found["agents"][1]["hindrances"][0]["message"] == "has the tag db"


async def test_a_job_is_explained_with_its_own_target(api: Api, worker: Worker) -> None:
    job = await api.job(target={"type": "tagged", "tag": "nowhere", "mode": "all"})
    found = await api.get(f"/api/jobs/{job['name']}/targets")
    assert (found["matching"], found["is_fan_out"], found["task_type"]) == (0, True, "noop")
    assert verdicts(found)["worker"] == (False, False, ["tags"])
    await api.put(f"/api/jobs/{job['id']}", {"target": {"type": "any"}})
    assert verdicts(await api.get(f"/api/jobs/{job['id']}/targets"))["worker"] == (True, True, [])
    assert (await api.call("GET", "/api/jobs/nothing/targets")).status == 404


@pytest.mark.parametrize(
    ("target", "field", "why"),
    [
        ({"type": "tagged", "expression": "a and"}, "target.expression", "position 6"),
        ({"type": "tagged"}, "target", "give one of"),
        ({"type": "tagged", "tag": "a", "mode": "some"}, "target.mode", "any"),
    ],
)
async def test_a_bad_target_is_refused_with_its_place(
    api: Api, target: dict[str, Any], field: str, why: str
) -> None:
    answer = await api.call("POST", "/api/targets/explain", {"target": target})
    assert answer.status == 400
    (detail,) = answer.json["details"]
    assert detail["field"] == field
    assert why in detail["reason"]


async def test_a_rollout_is_for_targets_that_mean_every_host(api: Api) -> None:
    body = {"name": "j", "task": {"type": "noop"}, "schedule": "on_demand", "rollout": {"canary": 1}}
    answer = await api.call("POST", "/api/jobs", {**body, "target": {"type": "any"}})
    assert answer.status == 400
    assert [one["field"] for one in answer.json["details"]] == ["rollout"]
    wrong = await api.call(
        "POST", "/api/jobs", {**body, "rollout": {"batch": "0%"}, "target": {"type": "all"}}
    )
    assert [one["field"] for one in wrong.json["details"]] == ["rollout.batch"]


async def test_a_run_in_batches_shows_how_far_it_is(api: Api, worker: Worker) -> None:
    await api.agent("another", agent_type="custom")
    await api.agent("zebra", task_types=["noop"])
    job = await api.job(target={"type": "all"}, rollout={"batch": 1, "quorum": "50%"})
    started = await api.post(f"/api/jobs/{job['id']}/trigger")
    run = await api.get(f"/api/runs/{started['run_id']}")
    assert run["rollout"] == {
        "sizes": [1, 1],
        "has_canary": False,
        "late": 0,
        "quorum": 1,
        "released": 1,
        "stopped": None,
        "next_at": None,
        "waits_until": None,
    }
    assert [one["reason"] for one in run["executions"]] == [None, "rollout_waits"]
    assert run["executions"][1]["message"] == "waits for batch 2 of 2 of the rollout"


async def test_an_approved_rollout_begins_with_its_first_batch(api: Api, worker: Worker) -> None:
    await api.agent("zebra", task_types=["noop"])
    job = await api.job(target={"type": "all"}, rollout={"batch": 1}, approval_required=True)
    started = await api.post(f"/api/jobs/{job['id']}/trigger")
    path = f"/api/runs/{started['run_id']}"
    assert {one["status"] for one in (await api.get(path))["executions"]} == {"pending_approval"}
    why = await api.get(path + "/explain")
    assert why["summary"] == "it waits for somebody's approval"
    await api.post(f"/api/executions/{started['execution_ids'][0]}/approve")
    shown = [(one["status"], one["reason"]) for one in (await api.get(path))["executions"]]
    assert shown == [("pending", None), ("pending", "rollout_waits")]
    await worker.finish(await worker.take_one())
    shown = [(one["status"], one["reason"]) for one in (await api.get(path))["executions"]]
    assert shown == [("succeeded", None), ("pending", None)]
