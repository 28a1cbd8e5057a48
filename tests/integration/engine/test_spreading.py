"""Runs that wait a little after their due instant."""

from datetime import timedelta

from tests.integration.engine.conftest import Harness, now

from tocsin_controller.scheduling.spreading import jitter


async def test_a_jittered_run_is_made_when_due_and_taken_when_its_wait_is_over(harness: Harness) -> None:
    agent = await harness.agent()
    due = now().replace(microsecond=0) + timedelta(seconds=1)
    name = next(n for n in map(str, range(1000)) if timedelta(seconds=2) < jitter(f"j{n}", due, 4))
    job = await harness.job(
        name=f"j{name}",
        schedule={"type": "one_shot", "value": due.isoformat()},
        jitter_secs=4,
        next_fire_at=due,
    )
    await harness.eventually("SELECT count(*) FROM runs WHERE job_id = $1", job, equals=1)
    waiting = await harness.connection.fetchrow("SELECT * FROM runs WHERE job_id = $1", job)
    assert (waiting["status"], waiting["reason"], waiting["scheduled_for"]) == ("pending", "jitter", due)
    (assignment,) = (await agent.poll(wait_secs=30)).executions
    assert now() >= due + jitter(f"j{name}", due, 4)
    await agent.start(assignment)
    await agent.finish(assignment)
    run = await harness.row("runs", waiting["id"])
    assert (run["status"], run["reason"], run["message"]) == ("succeeded", None, None)


async def test_a_run_that_waits_for_a_place_waits_for_its_jitter_as_well(harness: Harness) -> None:
    agent = await harness.agent()
    due = now().replace(microsecond=0) + timedelta(seconds=1)
    name = next(f"j{n}" for n in range(1000) if timedelta(seconds=3) < jitter(f"j{n}", due, 4))
    once = {"type": "one_shot", "value": due.isoformat()}
    limits = {"max_concurrent": 1, "overlap": "queue", "jitter_secs": 4}
    job = await harness.job(name=name, schedule=once, next_fire_at=due, **limits)
    await harness.trigger(job)
    (by_hand,) = (await agent.poll(wait_secs=30)).executions
    await agent.start(by_hand)
    await harness.eventually(
        "SELECT count(*) FROM runs WHERE job_id = $1 AND reason = 'waiting_for_place'", job, equals=1
    )
    await agent.finish(by_hand)
    (assignment,) = (await agent.poll(wait_secs=30)).executions
    assert assignment.scheduled_for == due.isoformat().replace("+00:00", "Z")
    assert now() >= due + jitter(name, due, 4)
