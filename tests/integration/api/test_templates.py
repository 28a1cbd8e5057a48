"""Templates, and jobs that start from them."""

from typing import Any

import pytest
from tests.integration.api.conftest import Api

BUILT_IN = [
    "API Latency Test", "Database Backup", "Deploy with Approval", "ETL Extract", "Event Reactor",
    "File Transfer (SFTP)", "HTTP Health Check", "Shell Cron Task",
]  # fmt: skip
SNAPSHOT = {
    "task": {"type": "shell", "command": "true"},
    "schedule": "manual",
    "priority": 5,
    "timeout_secs": 9,
}


def details(answer: Any) -> set[str]:
    return {detail["field"] for detail in answer.json["details"]}


async def test_eight_templates_come_with_the_product_and_each_makes_a_job(api: Api) -> None:
    templates = await api.get("/api/templates")
    assert [one["name"] for one in templates] == BUILT_IN
    assert {one["created_by"] for one in templates} == {"system"}
    for number, one in enumerate(templates):
        assert one["snapshot"].keys() & {"schedule", "name", "status"} == set()
        body = {"template": one["name"], "name": f"job {number}", "schedule": "manual"}
        job = (await api.call("POST", "/api/jobs", body)).json
        assert job["task"]["type"] == one["snapshot"]["task"]["type"]
        assert job["group"] == one["snapshot"]["group"]


async def test_a_template_is_saved_saved_anew_and_deleted(api: Api) -> None:
    body = {"name": "mine", "description": "d", "snapshot": SNAPSHOT}
    first = await api.call("POST", "/api/templates", body)
    assert (first.status, first.json.keys()) == (
        201, {"name", "description", "snapshot", "created_by", "created_at"}
    )  # fmt: skip
    again = await api.call("POST", "/api/templates", {"name": "mine", "snapshot": {"task": None}})
    assert (again.status, again.json["description"]) == (201, None)
    assert (await api.get("/api/templates/mine")) == again.json
    assert again.json["created_by"] == "test-admin"
    await api.delete("/api/templates/mine")
    for method in ("GET", "DELETE"):
        assert (await api.call(method, "/api/templates/mine")).status == 404
    kinds = [event["kind"] for event in (await api.get("/api/events"))["data"]]
    assert kinds[:3] == ["template.deleted", "template.saved", "template.saved"]


async def test_a_template_that_came_with_the_product_may_be_changed_and_deleted(api: Api) -> None:
    await api.post("/api/templates", {"name": "ETL Extract", "snapshot": {}})
    assert (await api.get("/api/templates/ETL Extract"))["created_by"] == "test-admin"
    await api.delete("/api/templates/File Transfer (SFTP)")
    assert len(await api.get("/api/templates")) == 7


@pytest.mark.parametrize("name", ["", "   ", "a/b", "a\nb", "x" * 256, None])
async def test_a_template_needs_a_name_that_can_be_said_in_a_path(api: Api, name: Any) -> None:
    answer = await api.call("POST", "/api/templates", {"name": name, "snapshot": {}})
    assert (answer.status, details(answer)) == (400, {"name"})


async def test_a_template_holds_something(api: Api) -> None:
    for body in ({"name": "t"}, {"name": "t", "snapshot": None}):
        answer = await api.call("POST", "/api/templates", body)
        assert (answer.status, details(answer)) == (400, {"snapshot"})


async def test_a_new_job_says_only_what_is_different(api: Api) -> None:
    await api.post("/api/templates", {"name": "t", "snapshot": SNAPSHOT})
    body = {"template": "t", "name": "a", "priority": 7, "timeout_secs": None, "status": "paused"}
    job = await api.post("/api/jobs", body)
    assert (job["task"]["command"], job["priority"], job["timeout_secs"], job["status"]) == (
        "true", 7, None, "paused"
    )  # fmt: skip
    await api.post("/api/templates", {"name": "t", "snapshot": {**SNAPSHOT, "priority": 1}})
    assert (await api.get("/api/jobs/a"))["priority"] == 7


async def test_a_whole_job_can_be_a_template(api: Api) -> None:
    job = await api.job("a", priority=4)
    await api.put(f"/api/jobs/{job['id']}", {"status": "paused"})
    await api.post("/api/templates", {"name": "t", "snapshot": await api.get("/api/jobs/a")})
    copy = await api.post("/api/jobs", {"template": "t", "name": "b"})
    assert (copy["priority"], copy["status"], copy["version"]) == (4, "scheduled", 1)
    assert copy["id"] != job["id"]


@pytest.mark.parametrize(
    ("snapshot", "body", "fields"),
    [
        (SNAPSHOT, {"template": "unknown"}, {"template"}),
        (["no", "job"], {}, {"template"}),
        ({"task": SNAPSHOT["task"]}, {}, {"schedule"}),
        ({**SNAPSHOT, "retrys": 1}, {}, {"retrys"}),
        (SNAPSHOT, {"priority": 10_000}, {"priority"}),
        (SNAPSHOT, {"retrys": 1}, {"retrys"}),
        (SNAPSHOT, {"name": None}, {"name"}),
        ({**SNAPSHOT, "timezone": "Mars/Olympus", "schedule": {"type": "cron", "value": "0 0 * * * *"}}, {},
         {"timezone"}),
    ],
)  # fmt: skip
async def test_what_a_template_and_the_rest_do_not_make_whole_is_told(
    api: Api, snapshot: Any, body: dict[str, Any], fields: set[str]
) -> None:
    await api.post("/api/templates", {"name": "t", "snapshot": snapshot})
    answer = await api.call("POST", "/api/jobs", {"template": "t", "name": "a", **body})
    assert (answer.status, details(answer)) == (400, fields)


async def test_the_same_key_makes_one_job_of_a_template(api: Api) -> None:
    body = {"template": "Shell Cron Task", "name": "a", "schedule": "manual"}
    headers = {"Idempotency-Key": "k"}
    answers = [await api.call("POST", "/api/jobs", body, headers=headers) for _ in range(2)]
    assert [one.status for one in answers] == [201, 201]
    assert answers[0].json["id"] == answers[1].json["id"]
