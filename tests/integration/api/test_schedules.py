"""Schedules over HTTP: what is accepted, refused and told of what comes."""

from typing import Any

from tests.integration.api.conftest import Api

NOOP = {"type": "noop"}


def refused_fields(answer: Any) -> set[str]:
    assert answer.status == 400, answer.json
    return {detail["field"] for detail in answer.json["details"]}


async def test_a_calendar_job_says_when_it_is_due_next(api: Api) -> None:
    schedule = {
        "type": "calendar",
        "value": {"anchor": "last_day", "offset_days": -2, "hour": 9, "minute": 0},
    }
    job = await api.job(schedule=schedule, timezone="America/New_York")
    assert job["schedule"]["value"] | schedule["value"] == job["schedule"]["value"]
    preview = await api.post("/api/schedules/preview", {"schedule": schedule, "timezone": "America/New_York"})
    assert job["next_fire_time"].startswith(preview["fires"][0]["at"].removesuffix("Z"))
    assert preview["fires"][0]["local"].endswith("T09:00:00")


async def test_a_calendar_that_contradicts_itself_is_refused_by_field(api: Api) -> None:
    async def fields(value: dict[str, Any]) -> set[str]:
        body = {"name": "c", "task": NOOP, "schedule": {"type": "calendar", "value": value}}
        return refused_fields(await api.call("POST", "/api/jobs", body))

    assert await fields({"anchor": "last_someday"}) == {"schedule.value.anchor"}
    assert await fields({"anchor": "nth_weekday", "nth": 2}) == {"schedule.value.weekday"}
    assert await fields({"anchor": "last_day", "roll": "next"}) == {"schedule.value.roll"}
    assert await fields({"anchor": "day_30", "months": [2]}) == {"schedule.value"}


async def test_hashed_values_follow_the_name_of_the_job(api: Api) -> None:
    schedule = {"type": "cron", "value": "H H(1-4) H * *"}
    job = await api.job("nightly", schedule=schedule, jitter_secs=30)
    asked = {"schedule": schedule, "jitter_secs": 30}
    preview = await api.post("/api/schedules/preview", {**asked, "name": "nightly", "count": 1})
    assert job["next_fire_time"].startswith(preview["fires"][0]["at"].removesuffix("Z"))
    assert preview["fires"][0]["at"] <= preview["fires"][0]["starts_at"]
    renamed = await api.put(f"/api/jobs/{job['id']}", {"name": "monthly"})
    preview = await api.post("/api/schedules/preview", {**asked, "name": "monthly", "count": 1})
    assert renamed["next_fire_time"].startswith(preview["fires"][0]["at"].removesuffix("Z"))
    assert refused_fields(await api.call("POST", "/api/schedules/preview", asked)) == {"name"}
