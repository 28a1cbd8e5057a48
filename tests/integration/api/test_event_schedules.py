"""Jobs that events start, from outside."""

import asyncio
from typing import Any

import asyncpg
from tests.integration.api.conftest import Api


def on(kind_pattern: str, **more: Any) -> dict[str, Any]:
    return {"type": "event", "value": {"kind_pattern": kind_pattern, **more}}


async def runs_of(api: Api, job: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """The job's runs, oldest first, once there are so many."""
    for _ in range(600):
        runs = (await api.get(f"/api/jobs/{job['id']}/runs?per_page=100"))["data"]
        if len(runs) >= count:
            break
        await asyncio.sleep(0.05)
    return list(reversed(runs))


async def test_an_event_starts_the_jobs_that_care_once_and_says_so(api: Api) -> None:
    cares = await api.job("reactor", schedule=on("job.triggered", job_name_filter="source"))
    others = [
        await api.job(schedule=on("job.deleted")),
        await api.job(schedule=on("job.*", severity="error")),
        await api.job(schedule=on("job.*", job_name_filter="something else")),
        await api.job(
            schedule=on("job.triggered"), expires_at="2100-01-01T00:00:00Z", starts_at="2099-01-01T00:00:00Z"
        ),
    ]
    paused = await api.job(schedule=on("*"))
    await api.put(f"/api/jobs/{paused['id']}", {"status": "paused"})
    source = await api.job("the source")
    asked = await api.post(f"/api/jobs/{source['id']}/trigger")
    (run,) = await runs_of(api, cares, 1)
    trigger = run["triggered_by"]
    assert (trigger["type"], trigger["event_kind"]) == ("event", "job.triggered")
    assert [link["run_id"] for link in trigger["cause"]] == [asked["run_id"]]
    events = (await api.get("/api/events"))["data"]
    assert trigger["event_id"] in {event["id"] for event in events}
    for one in [*others, paused]:
        assert await runs_of_now(api, one) == []


async def runs_of_now(api: Api, job: dict[str, Any]) -> list[dict[str, Any]]:
    return list((await api.get(f"/api/jobs/{job['id']}/runs"))["data"])


async def test_a_changed_schedule_forgets_its_events(api: Api) -> None:
    job = await api.job(schedule=on("job.triggered"))
    await api.put(f"/api/jobs/{job['id']}", {"schedule": {"type": "on_demand"}})
    source, cares = await api.job(), await api.job(schedule=on("job.triggered"))
    await api.post(f"/api/jobs/{source['id']}/trigger")
    await runs_of(api, cares, 1)
    assert await runs_of_now(api, job) == []
    await api.delete(f"/api/jobs/{cares['id']}")


async def test_a_job_that_is_deleted_while_an_event_starts_it_does_not_run(
    api: Api, connection: asyncpg.Connection
) -> None:
    job = await api.job(schedule=on("variable.created"), concurrency={"key": "k", "limit": 1})
    # The event's transaction has found the job, and waits for its key.
    waits = (
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() "
        "AND wait_event_type = 'Lock' AND query LIKE $1)"
    )
    await connection.execute("SELECT pg_advisory_lock(hashtextextended($1, 0))", "key:k")
    await api.post("/api/variables", {"name": "A", "value": "1"})
    while not await connection.fetchval(waits, "%pg_advisory_xact_lock%"):
        await asyncio.sleep(0.02)
    deleting = asyncio.create_task(api.call("DELETE", f"/api/jobs/{job['id']}"))
    while not deleting.done() and not await connection.fetchval(waits, "%FROM jobs AS j%"):
        await asyncio.sleep(0.02)
    await connection.execute("SELECT pg_advisory_unlock(hashtextextended($1, 0))", "key:k")
    assert (await deleting).status in (200, 204)
    told = "SELECT count(*) FROM outbox WHERE kind = 'event'"
    while await connection.fetchval(told):
        await asyncio.sleep(0.02)
    assert await connection.fetchval("SELECT count(*) FROM queue") == 0
