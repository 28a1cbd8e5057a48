"""One thing that can't be handled stops nothing else, and says why."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError
from tests.integration.engine.conftest import Harness, now, result

from tocsin_shared.protocol import Held, Receipt

EVERY_SECOND = {"type": "cron", "value": "* * * * * *"}


async def poison(harness: Harness, table: str, when: str, condition: str) -> None:
    """Writing such a row raises, as a defect or a damaged page would."""
    await harness.connection.execute(
        f"""
        CREATE FUNCTION poison_{table}() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'poison in {table}'; END $$;
        CREATE TRIGGER poison BEFORE {when} ON {table} FOR EACH ROW WHEN ({condition})
            EXECUTE FUNCTION poison_{table}()
        """
    )


async def quarantined(harness: Harness, job: UUID) -> str:
    """Why the job is in quarantine, once it is."""
    await harness.eventually(
        "SELECT quarantined_reason IS NOT NULL FROM jobs WHERE id = $1", job, equals=True
    )
    row = await harness.row("jobs", job)
    assert row["status"] == "unscheduled"
    timers = "SELECT count(*) FROM timers WHERE job_id = $1"
    assert await harness.connection.fetchval(timers, job) == 0
    told = "SELECT count(*) FROM events WHERE kind = 'job.quarantined' AND severity = 'error' AND job_id = $1"
    assert await harness.connection.fetchval(told, job) == 1
    return str(row["quarantined_reason"])


async def fires(harness: Harness, job: UUID) -> None:
    count = await harness.connection.fetchval("SELECT count(*) FROM runs WHERE job_id = $1", job)
    await harness.eventually("SELECT count(*) > $2 FROM runs WHERE job_id = $1", job, count, equals=True)


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ({"schedule": {"type": "cron", "value": "61 * * * * *"}}, "61"),
        ({"schedule": {"type": "cron", "value": "not a cron at all"}}, ""),
        ({"timezone": "Mars/Olympus"}, "Mars/Olympus"),
        ({"timezone": "../../etc/passwd"}, ""),
    ],
)
async def test_a_schedule_that_can_no_longer_be_evaluated_is_put_aside(
    harness: Harness, broken: dict[str, Any], why: str
) -> None:
    bad = await harness.job(**{"schedule": EVERY_SECOND, **broken}, next_fire_at=now())
    healthy = await harness.job(schedule=EVERY_SECOND, next_fire_at=now())
    assert why in await quarantined(harness, bad)
    await fires(harness, healthy)


async def test_a_run_that_cannot_be_written_stops_no_other(harness: Harness) -> None:
    bad = await harness.job(schedule=EVERY_SECOND)
    await poison(harness, "runs", "INSERT", f"NEW.job_id = '{bad}'")
    await harness.connection.execute(
        "INSERT INTO timers (job_id, job_version, priority, next_fire_at, anchor) VALUES ($1, 1, 0, $2, $2)",
        bad,
        now(),
    )
    healthy = await harness.job(schedule=EVERY_SECOND, next_fire_at=now())
    assert "poison in runs" in await quarantined(harness, bad)
    await fires(harness, healthy)


async def test_an_execution_that_cannot_be_handed_out_fails_and_the_rest_goes_out(harness: Harness) -> None:
    bad = await harness.trigger(await harness.job(priority=9))
    await poison(harness, "leases", "INSERT", f"NEW.run_id = '{bad.run_id}'")
    launched = [await harness.trigger(await harness.job()) for _ in range(3)]
    agent = await harness.agent()
    got: set[UUID] = set()
    async with asyncio.timeout(60):
        while len(got) < 3:
            got |= {a.execution_id for a in (await agent.poll(wait_secs=2)).executions}
    assert got == {one.execution_ids[0] for one in launched}
    row = await harness.row("executions", bad.execution_ids[0])
    assert (row["status"], row["reason"]) == ("failed", "internal")
    assert "poison in leases" in row["message"]


async def test_what_can_neither_be_handed_out_nor_ended_is_held_back(harness: Harness) -> None:
    bad = await harness.trigger(await harness.job(priority=9))
    await poison(harness, "leases", "INSERT", f"NEW.run_id = '{bad.run_id}'")
    await poison(harness, "executions", "UPDATE", f"NEW.run_id = '{bad.run_id}'")
    good = await harness.trigger(await harness.job())
    (a,) = (await (await harness.agent()).poll(wait_secs=30)).executions
    assert a.execution_id == good.execution_ids[0]
    held = "SELECT ready_at = 'infinity' FROM queue WHERE execution_id = $1"
    await harness.eventually(held, bad.execution_ids[0], equals=True)


async def test_a_loss_that_cannot_be_written_keeps_no_other_from_being_declared(harness: Harness) -> None:
    agent = await harness.agent()
    bad, good = [await harness.trigger(await harness.job(lost_after_secs=60)) for _ in range(2)]
    async with asyncio.timeout(60):
        while len(agent.running) < 2:
            await agent.poll(wait_secs=2)
    await poison(harness, "executions", "UPDATE", f"NEW.run_id = '{bad.run_id}'")
    await harness.connection.execute("UPDATE leases SET expires_at = now() - interval '2 minutes'")
    await harness.eventually("SELECT status FROM runs WHERE id = $1", good.run_id, equals="lost")
    assert (await harness.row("runs", bad.run_id))["status"] == "pending"


async def test_a_queue_row_that_cannot_be_ended_keeps_no_other_from_expiring(harness: Harness) -> None:
    nowhere: dict[str, Any] = {"target": {"type": "tagged", "tag": "nobody"}, "queue_timeout_secs": 1}
    bad = await harness.trigger(await harness.job(**nowhere))
    await poison(harness, "executions", "UPDATE", f"NEW.run_id = '{bad.run_id}'")
    good = await harness.trigger(await harness.job(**nowhere))
    await harness.eventually("SELECT reason FROM runs WHERE id = $1", good.run_id, equals="no_agent")
    assert (await harness.row("runs", bad.run_id))["status"] == "pending"


async def test_an_agent_whose_presence_cannot_be_written_takes_no_other_offline(harness: Harness) -> None:
    bad, good = await harness.agent("bad"), await harness.agent("good")
    await poison(harness, "agents", "UPDATE", "NEW.name = 'bad' AND NEW.status = 'online'")
    await harness.connection.execute("UPDATE agents SET status = 'offline' WHERE name = 'good'")
    await bad.heartbeat()
    await good.heartbeat()
    await harness.eventually("SELECT status FROM agents WHERE name = 'good'", equals="online")


async def test_numbers_that_the_database_cannot_hold_are_refused_at_the_door(harness: Harness) -> None:
    with pytest.raises(ValidationError):
        Held(execution_id=harness.admin.key_id, fence=2**63)
    await harness.trigger(await harness.job())
    agent = await harness.agent()
    (a,) = (await agent.poll()).executions
    with pytest.raises(ValidationError):
        result(a, exit_code=2**31)


async def test_a_result_is_not_refused_for_a_character_in_its_message(harness: Harness) -> None:
    await harness.trigger(await harness.job())
    agent = await harness.agent()
    (a,) = (await agent.poll()).executions
    assert await agent.finish(a, "failed", message="a\x00b\udcff") is Receipt.RECORDED
    assert (await harness.row("executions", a.execution_id))["message"] == "a\ufffdb?"


async def test_a_calendar_that_can_t_be_read_stops_only_the_jobs_that_use_it(harness: Harness) -> None:
    await harness.connection.execute(
        "INSERT INTO calendars (name, definition) VALUES ('odd', '{\"phases\": [\"full moon\"]}')"
    )
    start = now().replace(microsecond=0) + timedelta(seconds=1)
    every_second = {"type": "cron", "value": "* * * * * *"}
    odd = await harness.job(schedule=every_second, blackouts=["odd"], next_fire_at=start)
    fine = await harness.job(schedule=every_second, next_fire_at=start)
    await harness.eventually(
        "SELECT quarantined_reason IS NOT NULL FROM jobs WHERE id = $1", odd, equals=True
    )
    await harness.eventually("SELECT count(*) >= 2 FROM runs WHERE job_id = $1", fine, equals=True)
    assert await harness.connection.fetchval("SELECT count(*) FROM runs WHERE job_id = $1", odd) == 0
