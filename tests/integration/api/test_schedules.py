"""Schedules over HTTP: what is accepted, refused and told of what comes."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
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


async def test_a_pause_says_why_and_until_when(api: Api) -> None:
    job = await api.job(schedule={"type": "cron", "value": "0 0 * * * *"})
    asked = {"note": "disk is being replaced", "until": "2100-01-01T00:00:00Z"}
    paused = await api.post(f"/api/jobs/{job['id']}/pause", asked)
    assert (paused["status"], paused["next_fire_time"]) == ("paused", None)
    assert paused["pause"]["note"] == "disk is being replaced"
    assert paused["pause"]["by"] == "test-admin"
    assert (await api.get("/api/jobs?status=paused"))["data"][0]["pause"] == paused["pause"]
    again = await api.post(f"/api/jobs/{job['name']}/pause")
    assert (again["pause"]["note"], again["pause"]["until"]) == (None, None)
    resumed = await api.post(f"/api/jobs/{job['id']}/resume")
    assert (resumed["status"], resumed["pause"]) == ("scheduled", None)
    assert resumed["next_fire_time"] is not None
    assert await api.post(f"/api/jobs/{job['id']}/resume") == resumed
    await api.post(f"/api/jobs/{job['id']}/pause", asked)
    enabled = await api.put(f"/api/jobs/{job['id']}", {"status": "scheduled"})
    assert enabled["pause"] is None
    late = await api.call("POST", f"/api/jobs/{job['id']}/pause", {"until": "2020-01-01T00:00:00Z"})
    assert refused_fields(late) == {"until"}
    kinds = [event["kind"] for event in (await api.get("/api/events"))["data"]]
    assert "job.paused" in kinds
    assert "job.resumed" in kinds


async def test_a_pause_ends_by_itself_and_a_replaced_one_does_not(api: Api) -> None:
    every_second = {"type": "cron", "value": "* * * * * *"}
    short, replaced = await api.job(schedule=every_second), await api.job(schedule=every_second)
    until = (datetime.now(UTC) + timedelta(seconds=2)).replace(microsecond=0)
    for job in (short, replaced):
        await api.post(f"/api/jobs/{job['id']}/pause", {"until": until.isoformat()})
    await api.post(f"/api/jobs/{replaced['id']}/pause", {"note": "longer after all"})
    for _ in range(600):
        if (shown := await api.get(f"/api/jobs/{short['id']}"))["status"] == "scheduled":
            break
        await asyncio.sleep(0.05)
    assert (shown["status"], shown["pause"]) == ("scheduled", None)
    for _ in range(600):
        if runs := (await api.get(f"/api/jobs/{short['id']}/runs?per_page=100"))["data"]:
            break
        await asyncio.sleep(0.05)
    owed = [run["scheduled_for"] for run in runs if datetime.fromisoformat(run["scheduled_for"]) >= until]
    assert datetime.fromisoformat(owed[-1]) == until, "the instant at which it ends is due"
    assert (await api.get(f"/api/jobs/{replaced['id']}"))["status"] == "paused"


async def test_what_was_due_when_its_job_was_paused_or_rescheduled_is_on_record(
    api: Api, connection: asyncpg.Connection
) -> None:
    hourly, daily = {"type": "cron", "value": "0 * * * *"}, {"type": "cron", "value": "0 0 * * *"}

    async def overtaken(path: str, body: dict[str, Any] | None = None) -> tuple[str, str, str]:
        job = await api.job(schedule=hourly)
        async with connection.transaction():  # nobody can fire it meanwhile, and the change has to wait
            due = await connection.fetchval(
                "UPDATE timers SET next_fire_at = date_trunc('hour', now()) WHERE job_id = $1 "
                "RETURNING next_fire_at", UUID(job["id"]),
            )  # fmt: skip
            method = "POST" if path else "PUT"
            change = asyncio.create_task(api.call(method, f"/api/jobs/{job['id']}{path}", body))
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            while not await connection.fetchval(waiting):
                await asyncio.sleep(0.01)
        assert (await change).status == 200
        (run,) = (await api.get(f"/api/jobs/{job['id']}/runs"))["data"]
        assert datetime.fromisoformat(run["scheduled_for"]) == due
        return run["status"], run["reason"], run["message"]

    assert await overtaken("/pause") == ("skipped", "paused", "the job was paused before it fired")
    changed = await overtaken("", {"schedule": daily})
    assert changed == ("skipped", "missed", "the schedule was changed before it fired")
