"""Due jobs become runs exactly once, whoever ticks (G1)."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Literal

import asyncpg
import pytest
from tests.integration.engine.conftest import Harness, now

from tocsin_controller.definitions import Definitions
from tocsin_controller.engine import build_engine
from tocsin_controller.hints import Hints
from tocsin_controller.scheduling.ticker import Ticker
from tocsin_controller.settings import ControllerSettings
from tocsin_controller.store.database import Database
from tocsin_controller.store.leasing import NewWork
from tocsin_controller.supervisor import supervise

EVERY_SECOND = {"type": "cron", "value": "* * * * * *"}


async def test_a_cron_job_fires_every_second_at_its_second(harness: Harness) -> None:
    first = now().replace(microsecond=0) + timedelta(seconds=1)
    job = await harness.job(schedule=EVERY_SECOND, next_fire_at=first)
    await harness.eventually("SELECT count(*) >= 3 FROM runs WHERE job_id = $1", job, equals=True)
    rows = await harness.connection.fetch(
        "SELECT scheduled_for, created_at FROM runs WHERE job_id = $1 ORDER BY scheduled_for", job
    )
    assert [r["scheduled_for"] for r in rows[:3]] == [first + timedelta(seconds=n) for n in range(3)]
    assert all(r["created_at"] >= r["scheduled_for"] for r in rows)


async def test_several_tickers_fire_each_instant_once(
    harness: Harness, settings: Callable[..., ControllerSettings]
) -> None:
    others = [asyncio.create_task(supervise(build_engine(harness.db, settings()).services)) for _ in range(2)]
    start = now().replace(microsecond=0) + timedelta(seconds=1)
    jobs = [await harness.job(schedule=EVERY_SECOND, next_fire_at=start) for _ in range(20)]
    await asyncio.sleep(3.2)
    for task in others:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    for job in jobs:
        count, distinct = await harness.connection.fetchrow(
            "SELECT count(*), count(DISTINCT scheduled_for) FROM runs WHERE job_id = $1", job
        )
        assert count == distinct >= 3


async def test_missed_instants_are_recorded_and_the_newest_runs(harness: Harness) -> None:
    first = now().replace(microsecond=0) - timedelta(seconds=30)
    job = await harness.job(schedule=EVERY_SECOND, next_fire_at=first, catchup="latest")
    await harness.eventually("SELECT count(*) >= 31 FROM runs WHERE job_id = $1", job, equals=True)
    skipped = await harness.connection.fetch(
        "SELECT reason, scheduled_for FROM runs WHERE job_id = $1 AND status = 'skipped' ORDER BY scheduled_for",
        job,
    )
    assert {r["reason"] for r in skipped} == {"missed"}
    assert skipped[0]["scheduled_for"] == first
    assert len(skipped) >= 29


async def test_an_occurrence_is_skipped_while_enough_runs_are_open(harness: Harness) -> None:
    first = now().replace(microsecond=0) + timedelta(seconds=1)
    job = await harness.job(schedule=EVERY_SECOND, next_fire_at=first, max_concurrent=1)
    await harness.eventually("SELECT count(*) >= 2 FROM runs WHERE job_id = $1", job, equals=True)
    rows = await harness.connection.fetch(
        "SELECT status, reason FROM runs WHERE job_id = $1 ORDER BY scheduled_for LIMIT 2", job
    )
    assert [(r["status"], r["reason"]) for r in rows] == [("pending", None), ("skipped", "overlap")]


async def test_a_one_shot_fires_and_is_unscheduled(harness: Harness) -> None:
    due = now() - timedelta(days=3)
    job = await harness.job(schedule={"type": "one_shot", "value": due.isoformat()}, next_fire_at=due)
    await harness.eventually("SELECT status FROM jobs WHERE id = $1", job, equals="unscheduled")
    assert await harness.connection.fetchval("SELECT count(*) FROM runs WHERE job_id = $1", job) == 1
    assert await harness.connection.fetchval("SELECT count(*) FROM timers WHERE job_id = $1", job) == 0


async def test_a_definition_that_cannot_be_read_stops_nobody_else(harness: Harness) -> None:
    start = now()
    broken = await harness.job(schedule=EVERY_SECOND)
    await harness.connection.execute("UPDATE job_versions SET definition = '{}' WHERE job_id = $1", broken)
    await harness.connection.execute(
        "INSERT INTO timers (job_id, job_version, priority, next_fire_at, anchor) VALUES ($1, 1, 9, $2, $2)",
        broken,
        start,
    )
    healthy = await harness.job(schedule=EVERY_SECOND, next_fire_at=start)
    await harness.eventually("SELECT count(*) >= 1 FROM runs WHERE job_id = $1", healthy, equals=True)
    await harness.eventually("SELECT status FROM jobs WHERE id = $1", broken, equals="unscheduled")
    told = "SELECT count(*) FROM events WHERE kind = 'job.quarantined' AND job_id = $1"
    assert await harness.connection.fetchval(told, broken) == 1


async def test_what_was_decided_ahead_is_dropped_when_the_job_changes(harness: Harness) -> None:
    """The new version fires, at its own instant; the old one, decided already, does not."""
    due = now() + timedelta(seconds=1)
    job = await harness.job(schedule=EVERY_SECOND, next_fire_at=due)
    await asyncio.sleep(0.85)  # decided by now
    moved = due + timedelta(seconds=1)
    # As the API does, but for the hint: it may come too late.
    await harness.connection.execute("UPDATE timers SET next_fire_at = $2 WHERE job_id = $1", job, moved)
    await harness.eventually("SELECT count(*) >= 1 FROM runs WHERE job_id = $1", job, equals=True)
    first = await harness.connection.fetchval("SELECT min(scheduled_for) FROM runs WHERE job_id = $1", job)
    assert first == moved


async def test_a_job_paused_at_the_last_moment_does_not_fire(harness: Harness) -> None:
    due = now() + timedelta(seconds=1)
    job = await harness.job(schedule=EVERY_SECOND, next_fire_at=due)
    await asyncio.sleep(0.85)
    await harness.connection.execute("DELETE FROM timers WHERE job_id = $1", job)
    await asyncio.sleep(0.5)
    assert await harness.connection.fetchval("SELECT count(*) FROM runs WHERE job_id = $1", job) == 0


async def test_a_job_on_all_agents_reaches_one_that_came_just_before(harness: Harness) -> None:
    due = now() + timedelta(seconds=1)
    job = await harness.job(schedule=EVERY_SECOND, next_fire_at=due, target={"type": "all"})
    await asyncio.sleep(0.85)
    agent = await harness.agent()
    await harness.eventually("SELECT count(*) >= 1 FROM executions WHERE job_id = $1", job, equals=True)
    reached = await harness.connection.fetchval(
        "SELECT agent_id FROM executions WHERE job_id = $1 ORDER BY id LIMIT 1", job
    )
    assert reached == agent.id


async def test_jobs_that_cannot_be_decided_ahead_hold_up_no_others(harness: Harness) -> None:
    due = now() + timedelta(seconds=1)
    limited = await harness.job(schedule=EVERY_SECOND, next_fire_at=due, max_concurrent=1)
    plain = await harness.job(schedule=EVERY_SECOND, next_fire_at=due + timedelta(milliseconds=20))
    for job, instant in ((limited, due), (plain, due + timedelta(milliseconds=20))):
        await harness.eventually("SELECT count(*) >= 1 FROM runs WHERE job_id = $1", job, equals=True)
        created = await harness.connection.fetchval(
            "SELECT min(created_at) FROM runs WHERE job_id = $1 AND scheduled_for = $2", job, instant
        )
        assert created >= instant


class Sleepless(asyncio.Event):
    """Nobody is to wait for this."""

    async def wait(self) -> Literal[True]:
        raise AssertionError("the ticker sleeps")


async def test_what_waited_for_the_same_instant_becomes_takeable_without_a_pause(
    database: Database, database_url: str
) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "INSERT INTO queue (execution_id, route, priority, ready_at, expires_at, run_id, job_id, job_version,"
        " attempt_number) SELECT gen_random_uuid(), 'any:noop', 0, now(), 'infinity', gen_random_uuid(),"
        " gen_random_uuid(), 1, 1 FROM generate_series(1, 1200)"
    )
    await connection.close()
    found: list[NewWork] = []
    ticker = Ticker(
        database, Hints(database), Definitions(), lambda lanes: found.extend(lanes.values()), lambda _: None
    )
    async with database.hold() as session:
        for _ in range(2):
            await ticker._round(session, Sleepless())
        with pytest.raises(AssertionError, match="sleeps"):
            await ticker._round(session, Sleepless())
    assert [work.rows for work in found] == [500, 500, 200]
