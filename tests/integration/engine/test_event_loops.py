"""A job that its own events start, with a real engine and a real end of each run."""

import asyncio
from contextlib import suppress

import orjson
from tests.integration.engine.conftest import Harness

from tocsin_controller.scheduling.on_events import like_of


async def test_a_job_that_its_own_end_starts_is_stopped_after_the_limit(harness: Harness) -> None:
    schedule = {"type": "event", "value": {"kind_pattern": "execution.completed"}}
    job = await harness.job(schedule=schedule)
    await harness.connection.execute(
        "INSERT INTO event_triggers (job_id, kind_like) VALUES ($1, $2)", job, like_of("execution.completed")
    )
    agent = await harness.agent()

    async def work() -> None:
        while True:
            for assignment in (await agent.poll(wait_secs=1)).executions:
                await agent.start(assignment)
                await agent.finish(assignment)

    working = asyncio.create_task(work())
    await harness.trigger(job)
    await harness.eventually(
        "SELECT count(*) FROM runs WHERE job_id = $1 AND reason = 'loop' AND status = 'skipped'",
        job,
        equals=1,
    )
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working
    rows = await harness.connection.fetch(
        "SELECT status, trigger FROM runs WHERE job_id = $1 ORDER BY id", job
    )
    assert [row["status"] for row in rows] == ["succeeded"] * 10 + ["skipped"]
    last = orjson.loads(rows[-1]["trigger"])
    assert (len(last["cause"]), last["depth"]) == (10, 10)
    told = await harness.connection.fetchval("SELECT count(*) FROM events WHERE kind = 'job.loop_stopped'")
    assert told == 1
