"""What jobs wait for, over HTTP: written by id or name, never in a circle, shown with how it stands."""

import asyncio
from typing import Any

from tests.integration.api.conftest import Answer, Api


def fields(answer: Answer) -> dict[str, str]:
    """What an answer says is wrong."""
    assert answer.status == 400, answer.body
    return {detail["field"]: detail["reason"] for detail in answer.json["details"]}


async def save(api: Api, job: dict[str, Any], *depends_on: dict[str, Any]) -> Answer:
    return await api.call("PUT", f"/api/jobs/{job['id']}", {"depends_on": list(depends_on)})


async def test_a_dependency_may_be_named_and_is_kept_as_the_id(api: Api) -> None:
    extract = await api.job("extract")
    load = await api.job("load", depends_on=[{"job_id": "extract", "within_secs": 3600}])
    assert load["depends_on"] == [{"job_id": extract["id"], "within_secs": 3600, "condition": "success"}]
    assert load["deps_satisfied"] is False
    (status,) = load["deps_status"]
    assert (status["job_id"], status["job_name"], status["satisfied"]) == (extract["id"], "extract", False)
    assert status["why"] == "'extract' has not run"
    listed = (await api.get("/api/jobs"))["data"]
    assert [job["deps_satisfied"] for job in listed] == [True, False]
    # What was read may be sent back.
    assert (await api.call("PUT", f"/api/jobs/{load['id']}", load)).json["version"] == 1


async def test_dependencies_that_cannot_be_are_refused_by_their_place(api: Api) -> None:
    first = await api.job("first")
    await api.job("second", depends_on=[{"job_id": "first"}])
    third = await api.job("third", depends_on=[{"job_id": "second"}])
    wrong = [{"job_id": "second"}, {"job_id": "nobody"}, {"job_id": "second"}, {"job_id": "first"}]
    assert fields(await save(api, first, *wrong)) == {
        "depends_on.1.job_id": "there is no such job",
        "depends_on.2.job_id": "is named twice",
        "depends_on.3.job_id": "a job can't wait for itself",
    }
    circle = fields(await save(api, first, {"job_id": third["id"]}))
    assert circle == {"depends_on.0.job_id": "jobs would wait for each other: first → second → third → first"}
    assert (await save(api, third)).status == 200
    assert (await save(api, first, {"job_id": third["id"]})).status == 200


async def test_of_two_changes_that_would_close_a_circle_together_one_is_refused(api: Api) -> None:
    for number in range(4):
        a, b = [await api.job(f"{name} {number}") for name in "ab"]
        answers = await asyncio.gather(save(api, a, {"job_id": b["id"]}), save(api, b, {"job_id": a["id"]}))
        assert sorted(answer.status for answer in answers) == [200, 400]


async def test_a_job_that_others_wait_for_is_not_deleted(api: Api) -> None:
    parent = await api.job("parent")
    child = await api.job("child", depends_on=[{"job_id": "parent"}])
    refused = await api.call("DELETE", "/api/jobs/parent")
    assert refused.status == 409
    assert "'child'" in refused.json["error"]
    await api.delete(f"/api/jobs/{child['id']}")
    await api.delete(f"/api/jobs/{parent['id']}")


async def test_a_trigger_that_has_to_wait_is_recorded_as_skipped_unless_told_otherwise(api: Api) -> None:
    await api.job("parent")
    await api.job("child", depends_on=[{"job_id": "parent"}])
    skipped = await api.post("/api/jobs/child/trigger")
    assert skipped["message"] == "job skipped: 'parent' has not run"
    assert skipped["execution_ids"] == []
    run = await api.get(f"/api/runs/{skipped['run_id']}")
    assert (run["status"], run["reason"]) == ("skipped", "dependency")
    forced = await api.post("/api/jobs/child/trigger?skip_deps=true")
    assert forced["message"] == "job triggered"
    assert len(forced["execution_ids"]) == 1
    events = (await api.get("/api/events"))["data"]
    told = [event["details"] for event in events if event["kind"] == "job.triggered"]
    assert told == ["dependencies were skipped", "'parent' has not run"]
