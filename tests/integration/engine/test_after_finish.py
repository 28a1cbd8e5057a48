"""Intervals counted from the end of the last run, with a real engine."""

from datetime import timedelta

from tests.integration.engine.conftest import Harness, now

GAP = {"type": "interval", "value": {"interval_secs": 1, "counted_from": "finish"}}


async def test_the_next_run_waits_for_the_end_of_every_run(harness: Harness) -> None:
    agent = await harness.agent()
    job = await harness.job(schedule=GAP, next_fire_at=now())
    (first,) = (await agent.poll(wait_secs=30)).executions
    await harness.trigger(job)
    (by_hand,) = (await agent.poll(wait_secs=30)).executions
    await agent.start(first)
    await agent.finish(first)
    assert (await agent.poll(wait_secs=2.5)).executions == [], "the run by hand is still open"
    await agent.start(by_hand)
    await agent.finish(by_hand)
    (second,) = (await agent.poll(wait_secs=30)).executions
    ended = await harness.connection.fetchval(
        "SELECT max(finished_at) FROM runs WHERE job_id = $1 AND finished_at IS NOT NULL", job
    )
    due = await harness.connection.fetchval(
        "SELECT r.scheduled_for FROM runs r JOIN executions e ON e.run_id = r.id WHERE e.id = $1",
        second.execution_id,
    )
    assert due == ended + timedelta(seconds=1)
