"""The same for many jobs."""

from typing import Any

import pytest
from tests.integration.api.conftest import Api

from tocsin_shared.ids import new_id

EVERY_HOUR = {"type": "cron", "value": "0 0 * * * *"}


async def three(api: Api) -> list[str]:
    return [
        (await api.job(name, group="G", schedule=EVERY_HOUR, target={"type": "any"}))["id"]
        for name in ("a", "b", "c")
    ]


async def state(api: Api, *keys: str) -> list[tuple[Any, ...]]:
    return [tuple(job[key] for key in keys) for job in (await api.get("/api/jobs"))["data"]]


@pytest.mark.parametrize(
    ("body", "key", "value"),
    [
        ({"action": "pause"}, "status", "paused"),
        ({"action": "resume"}, "status", "scheduled"),
        ({"action": "move", "group": "H"}, "group", "H"),
        ({"action": "set_priority", "priority": 7}, "priority", 7),
    ],
)
async def test_all_jobs_of_a_group_are_changed_but_not_by_a_rehearsal(
    api: Api, body: dict[str, Any], key: str, value: Any
) -> None:
    ids = await three(api)
    other = await api.job("other")
    await api.put(f"/api/jobs/{ids[0]}", {"status": "paused"})
    before = await state(api, "name", "version", "updated_at")
    events = (await api.get("/api/events"))["total"]
    body |= {"filter": {"group": "G"}}
    rehearsed = await api.post("/api/jobs/bulk", {**body, "dry_run": True})
    assert (rehearsed["total"], rehearsed["succeeded"], rehearsed["failed"]) == (3, 3, 0)
    assert await state(api, "name", "version", "updated_at") == before
    assert (await api.get("/api/events"))["total"] == events
    done = await api.post("/api/jobs/bulk", body)
    assert [(one["name"], one["ok"]) for one in done["results"]] == [("a", True), ("b", True), ("c", True)]
    assert [job[key] for job in (await api.get("/api/jobs"))["data"]] == [value] * 3 + [other[key]]


async def test_jobs_are_paused_with_a_note_and_an_end(api: Api) -> None:
    await three(api)
    body = {
        "action": "pause",
        "filter": {"group": "G"},
        "note": "moving house",
        "until": "2999-01-01T00:00:00Z",
    }
    assert (await api.post("/api/jobs/bulk", body))["succeeded"] == 3
    pauses = [job["pause"] for job in (await api.get("/api/jobs"))["data"]]
    assert {pause["note"] for pause in pauses} == {"moving house"}
    past = await api.call("POST", "/api/jobs/bulk", {**body, "until": "2000-01-01T00:00:00Z"})
    assert (past.status, past.json["details"][0]["field"]) == (400, "until")
    assert (await api.post("/api/jobs/bulk", {"action": "resume", "filter": {"group": "G"}}))[
        "succeeded"
    ] == 3
    assert [job["status"] for job in (await api.get("/api/jobs"))["data"]] == ["scheduled"] * 3


async def test_one_that_fails_keeps_no_other_from_being_done(api: Api) -> None:
    ids = await three(api)
    await api.put(f"/api/jobs/{ids[1]}", {"status": "paused"})
    unknown = str(new_id())
    body = {"action": "delete", "job_ids": [ids[0], unknown, ids[0], ids[2]]}
    for dry_run in (True, False):
        answer = await api.post("/api/jobs/bulk", {**body, "dry_run": dry_run})
        assert (answer["total"], answer["succeeded"], answer["failed"]) == (3, 2, 1)
        failed = answer["results"][1]
        assert (failed["job_id"], failed["name"], failed["code"]) == (unknown, None, "not_found")
    assert await state(api, "name") == [("b",)]


async def test_a_repeated_request_triggers_nothing_twice(api: Api) -> None:
    ids = await three(api)
    body = {"action": "trigger", "job_ids": ids}
    assert (await api.post("/api/jobs/bulk", {**body, "dry_run": True}))["succeeded"] == 3
    headers = {"Idempotency-Key": "k"}
    answers = [await api.post("/api/jobs/bulk", body, headers=headers) for _ in range(2)]
    runs = [one["run_id"] for one in answers[0]["results"]]
    assert [one["run_id"] for one in answers[1]["results"]] == runs
    assert {run["id"] for run in (await api.get("/api/runs"))["data"]} == set(runs)


async def test_a_filter_means_all_that_it_says(api: Api) -> None:
    ids = await three(api)
    await api.put(f"/api/jobs/{ids[1]}", {"status": "paused"})
    body = {
        "action": "set_priority",
        "priority": 1,
        "filter": {"group": "G", "status": "disabled", "search": "NOOP"},
    }
    answer = await api.post("/api/jobs/bulk", body)
    assert [one["name"] for one in answer["results"]] == ["b"]
    none = await api.post("/api/jobs/bulk", {"action": "pause", "filter": {"group": "Nobody"}})
    assert (none["total"], none["results"]) == (0, [])


@pytest.mark.parametrize(
    "body",
    [
        {"action": "pause"},
        {"action": "pause", "job_ids": []},
        {"action": "pause", "filter": {}},
        {"action": "pause", "filter": {"search": ""}},
        {"action": "pause", "filter": {"group": "G"}, "job_ids": [str(new_id())]},
        {"action": "pause", "job_ids": [str(new_id())], "priority": 3},
        {"action": "pause", "job_ids": [str(new_id())], "params": {}},
        {"action": "resume", "job_ids": [str(new_id())], "note": "x"},
        {"action": "move", "job_ids": [str(new_id())]},
        {"action": "set_priority", "job_ids": [str(new_id())], "priority": 2000},
        {"action": "explode", "job_ids": [str(new_id())]},
        {"action": "pause", "job_ids": ["x"]},
        {"action": "pause", "job_ids": [str(new_id())] * 1001},
    ],
)
async def test_a_request_that_is_not_clear_is_refused(api: Api, body: dict[str, Any]) -> None:
    assert (await api.call("POST", "/api/jobs/bulk", body)).status == 400


async def test_more_jobs_than_one_request_may_touch_are_refused(api: Api, connection: Any) -> None:
    job = await api.job("a", group="G")
    await connection.execute(
        """
        INSERT INTO jobs (id, name, group_name, status, version, definition)
        SELECT gen_random_uuid(), 'x' || n, 'G', status, 1, definition
        FROM jobs, generate_series(1, 1000) AS n WHERE id = $1
        """,
        job["id"],
    )
    answer = await api.call("POST", "/api/jobs/bulk", {"action": "pause", "filter": {"group": "G"}})
    assert (answer.status, answer.json["details"][0]["field"]) == (400, "filter")
