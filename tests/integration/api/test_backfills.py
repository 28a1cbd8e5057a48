"""Backfills from outside: what is run, what is not run again, and how it ends."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from tests.integration.api.conftest import Api

from tocsin_shared.ids import occurrence_id

HOURLY = {"type": "cron", "value": "0 0 * * * *"}


#: Read once: tests may run over the end of an hour. Their jobs are paused, so that only backfills run them.
LAST_HOUR = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


def a_range(hours: int, **more: Any) -> dict[str, Any]:
    """The last so many full hours, both ends included."""
    last = LAST_HOUR
    return {"from": (last - timedelta(hours=hours - 1)).isoformat(), "to": last.isoformat(), **more}


async def runs_of(api: Api, job: dict[str, Any]) -> list[dict[str, Any]]:
    runs = (await api.get(f"/api/jobs/{job['id']}/runs?per_page=100"))["data"]
    return sorted(runs, key=lambda run: str(run["scheduled_for"]))


async def ended(api: Api, backfill: dict[str, Any], job: dict[str, Any]) -> dict[str, Any]:
    """The backfill once it is over; nobody runs the job, so its runs are cancelled as they come."""
    for _ in range(1200):
        shown: dict[str, Any] = await api.get(f"/api/backfills/{backfill['id']}")
        if shown["status"] != "running":
            return shown
        waiting = [run for run in await runs_of(api, job) if run["status"] == "pending"]
        assert len(waiting) <= backfill["max_concurrent"]
        for run in waiting:
            await api.post(f"/api/runs/{run['id']}/cancel")
        await asyncio.sleep(0.05)
    raise AssertionError("the backfill does not end")


async def test_each_instant_gets_one_run_and_never_a_second_one(api: Api) -> None:
    job = await api.job(schedule=HOURLY, status="paused")
    tried = await api.call("POST", f"/api/jobs/{job['id']}/backfill", a_range(5, dry_run=True))
    assert (tried.json["status"], tried.json["instants"], len(tried.json["would_run"])) == ("dry_run", 5, 5)
    assert await runs_of(api, job) == []

    begun = await api.post(f"/api/jobs/{job['id']}/backfill", a_range(5, max_concurrent=2))
    again = await api.call("POST", f"/api/jobs/{job['id']}/backfill", a_range(5))
    assert again.status == 409
    over = await ended(api, begun, job)
    assert (over["status"], over["left_out"], over["runs"]) == ("done", 0, {"cancelled": 5})
    runs = await runs_of(api, job)
    expected = [LAST_HOUR - timedelta(hours=ago) for ago in range(4, -1, -1)]
    assert [datetime.fromisoformat(run["scheduled_for"]) for run in runs] == expected
    assert {run["triggered_by"]["type"] for run in runs} == {"backfill"}
    assert {run["triggered_by"]["backfill_id"] for run in runs} == {begun["id"]}

    second = await ended(api, await api.post(f"/api/jobs/{job['id']}/backfill", a_range(5)), job)
    assert (second["left_out"], second["runs"]) == (5, {})
    assert [one["id"] for one in await api.get(f"/api/jobs/{job['id']}/backfills")] == [
        second["id"],
        begun["id"],
    ]


async def test_skipped_instants_run_when_asked_for_and_keep_their_record(
    api: Api, connection: asyncpg.Connection
) -> None:
    job = await api.job(schedule=HOURLY, status="paused")
    for ago in range(2):
        instant = LAST_HOUR - timedelta(hours=ago)
        await connection.execute(
            "INSERT INTO runs (id, job_id, job_version, status, reason, trigger, scheduled_for, open_executions,"
            " finished_at) VALUES ($1, $2, 1, 'skipped', 'missed',"
            ' \'{"type": "scheduler"}\', $3, 0, now())',
            occurrence_id(UUID(job["id"]), instant),
            UUID(job["id"]),
            instant,
        )
    path = f"/api/jobs/{job['id']}/backfill"
    without = await ended(api, await api.post(path, a_range(3)), job)
    assert (without["left_out"], without["runs"]) == (2, {"cancelled": 1})
    for _ in range(2):
        await ended(api, await api.post(path, a_range(3, include_skipped=True)), job)
    statuses = [run["status"] for run in await runs_of(api, job)]
    assert sorted(statuses) == ["cancelled"] * 3 + ["skipped"] * 2


async def test_a_cancelled_backfill_starts_no_more(api: Api) -> None:
    job = await api.job(schedule=HOURLY, status="paused")
    begun = await api.post(f"/api/jobs/{job['id']}/backfill", a_range(5))
    for _ in range(600):
        if await runs_of(api, job):
            break
        await asyncio.sleep(0.05)
    over = await api.post(f"/api/backfills/{begun['id']}/cancel?runs=true")
    assert over["status"] == "cancelled"
    assert [run["status"] for run in await runs_of(api, job)] == ["cancelled"]
    assert await api.post(f"/api/backfills/{begun['id']}/cancel") == over


async def test_what_can_t_be_backfilled_is_refused(api: Api) -> None:
    hourly, on_demand = await api.job(schedule=HOURLY, status="paused"), await api.job()

    async def refusal(job: dict[str, Any], body: dict[str, Any]) -> Any:
        answer = await api.call("POST", f"/api/jobs/{job['id']}/backfill", body)
        assert answer.status == 400, answer.json
        return [detail["field"] for detail in answer.json.get("details") or []]

    await refusal(on_demand, a_range(2))
    assert await refusal(hourly, {"from": "2026-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"}) == ["to"]
    assert await refusal(hourly, {"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}) == ["to"]
    assert await refusal(hourly, {"from": "2020-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}) == ["to"]
    assert await refusal(hourly, {**a_range(2), "max_concurrent": 0}) == ["max_concurrent"]
    assert await refusal(hourly, {"to": "2026-01-01T00:00:00Z"}) == ["from"]
