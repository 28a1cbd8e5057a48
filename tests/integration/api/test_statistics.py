"""Charts and timelines: what the counting loop wrote down and what is newer make one truth."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from tests.integration.api.conftest import Api, Worker

from tocsin_controller.counting import Counting, floor_to_minute
from tocsin_controller.services.statistics import Statistics
from tocsin_controller.store.database import Database
from tocsin_controller.store.partitions import ensure_partitions
from tocsin_shared.ids import id_floor, new_id

NOW = datetime.now(UTC)


async def made(connection: asyncpg.Connection, ago: timedelta, *statuses: str) -> None:
    """Executions made so long ago that stand like this."""
    floor = id_floor(datetime.now(UTC) - ago).int
    ids = [type(new_id())(int=floor + new_id().int % 2**60) for _ in statuses]
    await connection.execute(
        "INSERT INTO executions (id, run_id, job_id, job_version, status)"
        "SELECT id, id, gen_random_uuid(), 1, status FROM unnest($1::uuid[], $2::text[]) AS e (id, status)",
        ids,
        list(statuses),
    )


async def counted_to_the_end(database: Database) -> None:
    while await Counting(database).once():
        pass


async def test_what_runs_now_is_in_every_chart(api: Api, worker: Worker) -> None:
    job = await api.job("nightly", schedule={"type": "cron", "value": "0 0 3 1 1 *"})
    await api.post(f"/api/jobs/{job['id']}/trigger")
    await worker.finish(await worker.take_one(), "failed")
    charts = await api.get("/api/stats/charts")
    assert charts["execution_outcomes"] == {"Failed": 1}
    assert charts["task_types"] == {"noop": 1}
    assert charts["schedule_types"] == {"Cron Schedule": 1}
    for path in ("/api/timeline", "/api/timeline/nightly", f"/api/timeline/{job['id']}?minutes=15"):
        points = await api.get(path)
        assert len(points) == (60 if path == "/api/timeline/nightly" else 15)
        assert sum(point["failed"] for point in points[-2:]) == 1
        assert sum(point["succeeded"] + point["other"] for point in points) == 0
    hit = next(point for point in points[-2:] if point["failed"])
    lines = await api.get(f"/api/timeline-detail/{hit['time']}")
    assert lines == [{"job_name": "nightly", "status": "failed", "count": 1}]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/timeline?minutes=0", 400),
        ("/api/timeline?minutes=1441", 400),
        ("/api/timeline/no-such-job", 404),
        ("/api/timeline-detail/yesterday", 400),
        ("/api/timeline-detail/2026-13-01T00:00", 400),
        ("/api/timeline-detail/0001-01-01T00:00", 400),
        ("/api/timeline-detail/9999-12-31T23:59", 400),
        ("/api/timeline-detail/9998-12-31T23:59", 200),
    ],
)
async def test_only_minutes_that_make_sense_are_asked_for(api: Api, path: str, status: int) -> None:
    assert (await api.call("GET", path)).status == status


async def test_counted_and_newer_executions_are_each_counted_once(
    database: Database, connection: asyncpg.Connection
) -> None:
    async with database.transaction() as session:
        for days in (5, 0):
            await ensure_partitions(session, NOW.date() - timedelta(days=days))
    await made(connection, timedelta(days=4), "succeeded", "succeeded", "failed")
    await made(connection, timedelta(days=3), "running", "lost")
    await made(connection, timedelta(minutes=5), "succeeded", "running", "timed_out")
    await made(connection, timedelta(0), "succeeded")
    expected = {"Succeeded": 4, "Failed": 1, "Timed Out": 1, "lost": 1, "Running": 2}
    assert (await Statistics(database).charts())["execution_outcomes"] != expected  # not counted yet
    await counted_to_the_end(database)
    assert (await Statistics(database).charts())["execution_outcomes"] == expected
    await counted_to_the_end(database)
    assert (await Statistics(database).charts())["execution_outcomes"] == expected
    assert await connection.fetchval("SELECT sum(succeeded) FROM day_counts") == 2
    points = await Statistics(database).timeline(15)
    assert [
        (p["succeeded"], p["failed"], p["other"]) for p in points if sum(map(int, map(str, [p["succeeded"]])))
    ] == [
        (1, 1, 1),
        (1, 0, 0),
    ]


async def test_what_ends_after_it_was_counted_is_counted_again(
    database: Database, connection: asyncpg.Connection
) -> None:
    async with database.transaction() as session:
        await ensure_partitions(session, NOW.date() - timedelta(days=3))
    await made(connection, timedelta(days=3), "running", "succeeded")
    await counted_to_the_end(database)
    await connection.execute("UPDATE executions SET status = 'failed' WHERE status = 'running'")
    await connection.execute("UPDATE minute_counts SET recount_at = now()")
    await counted_to_the_end(database)
    outcomes = (await Statistics(database).charts())["execution_outcomes"]
    assert outcomes == {"Succeeded": 1, "Failed": 1}
    assert await connection.fetchval("SELECT count(*) FROM minute_counts") == 0  # settled, and so added up


def test_a_minute_begins_with_its_first_second() -> None:
    assert floor_to_minute(datetime(2026, 1, 31, 8, 30, 59, 999, tzinfo=UTC)).second == 0
