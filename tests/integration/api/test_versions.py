"""Saved changes of jobs, going back to one, and changes that are refused because the job has moved on."""

from typing import Any

import pytest
from tests.integration.api.conftest import Api

from tocsin_shared.ids import new_id

EVERY_HOUR = {"type": "cron", "value": "0 0 * * * *"}
SHELL = {"type": "shell", "command": "true"}


async def with_three_versions(api: Api) -> tuple[dict[str, Any], str]:
    job = await api.job("a", task=SHELL, schedule=EVERY_HOUR)
    path = f"/api/jobs/{job['id']}"
    await api.put(path, {"task": {**SHELL, "command": "false"}, "priority": 3})
    return await api.put(path, {"name": "b", "schedule": {"type": "on_demand"}}), path


async def test_one_version_is_read_also_of_a_deleted_job(api: Api) -> None:
    _, path = await with_three_versions(api)
    second = await api.get(path + "/versions/2")
    assert (second["version"], second["snapshot"]["priority"], second["changed_by"]) == (2, 3, "test-admin")
    assert second in await api.get(path + "/versions")
    await api.delete(path)
    assert await api.get(path + "/versions/2") == second
    for unknown in ("4", "0", "x", "1" * 30):
        assert (await api.call("GET", f"{path}/versions/{unknown}")).status == 404


async def test_versions_are_compared_field_by_field(api: Api) -> None:
    _, path = await with_three_versions(api)
    first_to_second: list[dict[str, Any]] = [
        {"path": "priority", "before": 0, "after": 3},
        {"path": "task.command", "before": "true", "after": "false"},
    ]
    assert await api.get(path + "/versions/1/diff?to=2") == first_to_second
    backwards = [{**c, "before": c["after"], "after": c["before"]} for c in first_to_second]
    assert await api.get(path + "/versions/2/diff?to=1") == backwards
    changed = [c["path"] for c in await api.get(path + "/versions/2/diff")]
    assert changed == ["name", "schedule"]
    assert await api.get(path + "/versions/3/diff") == []
    assert (await api.call("GET", path + "/versions/1/diff?to=9")).status == 404
    assert (await api.call("GET", path + "/versions/1/diff?to=x")).status == 400
    assert (await api.call("GET", f"/api/jobs/{new_id()}/versions/1/diff")).status == 404


async def test_a_rollback_is_a_new_version_that_equals_the_old_one(api: Api) -> None:
    job, path = await with_three_versions(api)
    assert job["next_fire_time"] is None
    back = await api.post(path + "/rollback", {"version": 1})
    assert (back["version"], back["name"], back["task"]["command"]) == (4, "a", "true")
    assert back["next_fire_time"] is not None
    assert await api.get(path + "/versions/1/diff?to=4") == []
    assert (await api.get(path + "/versions/4"))["changed_by"] == "test-admin"
    (event, *_) = (await api.get("/api/events"))["data"]
    assert event["kind"] == "job.updated"
    assert event["details"].startswith("rolled back to version 1; changed: ")
    assert (await api.post(path + "/rollback", {"version": 4}))["version"] == 4


async def test_a_rollback_is_checked_as_any_change_is(api: Api) -> None:
    agent = await api.agent()
    job = await api.job("a", target={"type": "agent", "agent_id": agent["agent_id"]})
    path = f"/api/jobs/{job['id']}"
    changed = await api.put(path, {"name": "b", "target": {"type": "any"}})
    await api.delete(f"/api/agents/{agent['agent_id']}")
    refused = await api.call("POST", path + "/rollback", {"version": 1})
    assert (refused.status, refused.json["details"][0]["field"]) == (400, "target.agent_id")
    unknown = await api.call("POST", path + "/rollback", {"version": 7})
    assert (unknown.status, unknown.json["details"][0]["field"]) == (400, "version")
    assert await api.get(path) == changed


async def test_a_rollback_to_a_name_that_is_in_use_is_a_conflict(api: Api) -> None:
    _, path = await with_three_versions(api)
    await api.job("a")
    assert (await api.call("POST", path + "/rollback", {"version": 1})).json["code"] == "name_taken"


async def test_a_rollback_heeds_what_others_changed_meanwhile(api: Api) -> None:
    job, path = await with_three_versions(api)
    seen = (await api.call("GET", path)).headers["ETag"]
    await api.put(path, {"priority": 9})
    for more, status in (
        ({"headers": {"If-Match": seen}}, 412),
        ({"body": {"version": 1, "if_unmodified_since": job["updated_at"]}}, 409),
    ):
        body = more.pop("body", {"version": 1})
        assert (await api.call("POST", path + "/rollback", body, **more)).status == status
    assert (await api.get(path))["version"] == 4


async def test_a_pause_with_another_note_has_another_tag(api: Api) -> None:
    job = await api.job(schedule=EVERY_HOUR)
    path = f"/api/jobs/{job['id']}"
    tags = set()
    for note in ("one", "two"):
        await api.post(path + "/pause", {"note": note})
        tags.add((await api.call("GET", path)).headers["ETag"])
    assert len(tags) == 2


async def test_the_tag_changes_with_definition_and_status_and_nothing_else(api: Api) -> None:
    job = await api.job(schedule=EVERY_HOUR)
    path = f"/api/jobs/{job['id']}"

    async def tag() -> str:
        return str((await api.call("GET", path)).headers["ETag"])

    first = await tag()
    await api.post(path + "/trigger")
    assert await tag() == first
    paused = await api.call("PUT", path, {"status": "paused"})
    assert paused.headers["ETag"] == await tag() != first
    enabled = await api.call("PUT", path, {"status": "scheduled"})
    assert enabled.headers["ETag"] == first
    assert (await api.call("PUT", path, {"priority": 1})).headers["ETag"] != first


@pytest.mark.parametrize("header", ["{tag}", "W/{tag}", '"x", {tag}', "*", "  "])
async def test_a_matching_precondition_lets_the_change_through(api: Api, header: str) -> None:
    answer = await api.call("POST", "/api/jobs", {"name": "a", "task": SHELL, "schedule": "manual"})
    headers = {"If-Match": header.format(tag=answer.headers["ETag"])}
    path = f"/api/jobs/{answer.json['id']}"
    assert (await api.call("PUT", path, {"priority": 1}, headers=headers)).status == 200


async def test_whoever_changes_or_deletes_another_state_than_the_one_read_is_refused(api: Api) -> None:
    job = await api.job()
    path = f"/api/jobs/{job['id']}"
    headers = {"If-Match": (await api.call("GET", path)).headers["ETag"]}
    await api.put(path, {"status": "paused"})
    before = await api.get(path)
    for method, body in (("PUT", {"priority": 1}), ("DELETE", None)):
        answer = await api.call(method, path, body, headers=headers)
        assert (answer.status, answer.json["code"]) == (412, "precondition_failed")
    assert await api.get(path) == before
    headers = {"If-Match": (await api.call("GET", path)).headers["ETag"]}
    assert (await api.call("DELETE", path, headers=headers)).status == 204


async def test_a_successor_of_the_same_name_has_another_tag(api: Api) -> None:
    tags = set()
    for _ in range(2):
        job = await api.job("a")
        tags.add((await api.call("GET", "/api/jobs/a")).headers["ETag"])
        await api.delete(f"/api/jobs/{job['id']}")
    assert len(tags) == 2


async def test_what_is_known_already_is_not_sent_again(api: Api) -> None:
    job = await api.job()
    path = f"/api/jobs/{job['id']}"
    tag = (await api.call("GET", path)).headers["ETag"]
    same = await api.call("GET", path, headers={"If-None-Match": tag})
    assert (same.status, same.body, same.headers["ETag"]) == (304, b"", tag)
    await api.put(path, {"priority": 1})
    assert (await api.call("GET", path, headers={"If-None-Match": tag})).status == 200


@pytest.mark.parametrize("header", ["3", '"a', '"a" "b"', '"a",', "W/3", '"' + "a" * 5000 + '"'])
async def test_a_precondition_that_is_no_tag_is_refused(api: Api, header: str) -> None:
    job = await api.job()
    path = f"/api/jobs/{job['id']}"
    for method, body, name in (("PUT", {"priority": 1}, "If-Match"), ("GET", None, "If-None-Match")):
        answer = await api.call(method, path, body, headers={name: header})
        assert answer.status == 400
