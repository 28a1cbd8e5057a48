"""Named calendars over HTTP, and what follows for the jobs that refer to them."""

import asyncio
from typing import Any

from tests.integration.api.conftest import Api

LAST_DAY = {
    "type": "calendar",
    "value": {"anchor": "day_1", "months": [6], "calendars": ["bank"], "roll": "next"},
}


async def test_a_calendar_is_created_read_replaced_and_deleted(api: Api) -> None:
    spec = {"holidays": [{"country": "DE", "subdivision": "BY"}], "dates": ["2031-12-24"]}
    made = await api.post("/api/calendars", {"name": "bank", **spec})
    assert (made["name"], made["dates"], made["jobs"]) == ("bank", ["2031-12-24"], [])
    assert (await api.call("POST", "/api/calendars", {"name": "bank"})).status == 409
    days = await api.get("/api/calendars/bank/days?year=2031")
    assert {"date": "2031-12-24", "name": "date of the calendar"} in days
    assert "2031-01-06" in {day["date"] for day in days}, "Epiphany"
    replaced = await api.put("/api/calendars/bank", {"dates": ["2031-12-31"]})
    assert (replaced["dates"], replaced["holidays"]) == (["2031-12-31"], [])
    assert [one["name"] for one in await api.get("/api/calendars")] == ["bank"]
    operations = [row["operation"] for row in (await api.get("/api/audit-log"))["data"]]
    assert operations[:2] == ["calendar.updated", "calendar.created"]
    await api.delete("/api/calendars/bank")
    assert (await api.call("GET", "/api/calendars/bank")).status == 404


async def test_what_makes_no_sense_is_refused_by_field(api: Api) -> None:
    wrong = {
        "holidays": [{"country": "XX"}, {"country": "DE", "subdivision": "ZZ"}],
        "windows": [{"cron": "0 H * * *", "duration_secs": 60}, {"cron": "never", "duration_secs": 60}],
        "timezone": "Mars/Olympus",
    }
    answer = await api.call("PUT", "/api/calendars/bank", wrong)
    assert answer.status == 400
    assert {detail["field"] for detail in answer.json["details"]} == {
        "holidays.0.country", "holidays.1.subdivision", "windows.0.cron", "windows.1.cron", "timezone",
    }  # fmt: skip
    job = {"name": "j", "task": {"type": "noop"}, "schedule": LAST_DAY, "blackouts": ["freeze"]}
    answer = await api.call("POST", "/api/jobs", job)
    assert {detail["field"] for detail in answer.json["details"]} == {
        "schedule.value.calendars.0",
        "blackouts.0",
    }


async def test_a_calendar_in_use_stays_and_moves_its_jobs_when_it_changes(api: Api) -> None:
    await api.post("/api/calendars", {"name": "bank"})
    job = await api.job("settlement", schedule=LAST_DAY)
    first = job["next_fire_time"]
    answer = await api.call("DELETE", "/api/calendars/bank")
    assert answer.status == 409
    assert (
        "'settlement'" in answer.json["error"]["message"]
        if isinstance(answer.json["error"], dict)
        else answer.json["error"]
    )
    await api.put("/api/calendars/bank", {"dates": [first[:10]]})

    async def next_fire() -> Any:
        return (await api.get("/api/jobs/settlement"))["next_fire_time"]

    for _ in range(600):
        if await next_fire() != first:
            break
        await asyncio.sleep(0.05)
    assert (await next_fire())[:10] == first[:8] + "02", "rolled to the next day"
    preview = await api.post(
        "/api/schedules/preview", {"schedule": LAST_DAY, "blackouts": ["bank"], "count": 1}
    )
    assert preview["fires"][0]["at"][:10] == first[:8] + "02"
    await api.put("/api/jobs/settlement", {"schedule": {"type": "on_demand"}})
    await api.delete("/api/calendars/bank")


async def test_the_preview_shows_what_falls_into_a_blackout(api: Api) -> None:
    window = {"cron": "0 0 * * *", "duration_secs": 7200, "policy": "defer", "note": "backups"}
    await api.post("/api/calendars", {"name": "nights", "windows": [window]})
    asked = {"schedule": {"type": "cron", "value": "0 1,3 * * *"}, "blackouts": ["nights"], "count": 2}
    fires = (await api.post("/api/schedules/preview", asked))["fires"]
    (dark,) = [fire for fire in fires if fire["notes"]]
    assert (dark["at"][11:13], dark["notes"]) == ("01", ["blackout"])
    assert "(backups)" in dark["explanation"]
    unknown = {**asked, "blackouts": ["days"]}
    assert (await api.call("POST", "/api/schedules/preview", unknown)).status == 400
