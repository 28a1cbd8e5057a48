"""Limits hold with several controllers, and no place is lost or given twice."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
from tests.integration.engine.conftest import FakeAgent, Harness, now

from tocsin_controller.engine import Engine, build_engine
from tocsin_controller.settings import ControllerSettings
from tocsin_controller.supervisor import supervise
from tocsin_shared.protocol import Assignment

QUEUED: dict[str, Any] = {"max_concurrent": 1, "overlap": "queue"}


@pytest.fixture
async def other(harness: Harness, settings: Callable[..., ControllerSettings]) -> AsyncIterator[Engine]:
    """A second controller."""
    engine = build_engine(harness.db, settings())
    services = asyncio.create_task(supervise(engine.services))
    yield engine
    services.cancel()
    with suppress(asyncio.CancelledError):
        await services


async def status(harness: Harness, run_id: UUID) -> tuple[str, str | None]:
    row = await harness.row("runs", run_id)
    return row["status"], row["reason"]


async def next_of(agent: FakeAgent) -> Assignment:
    for _ in range(10):
        answer = await agent.poll(wait_secs=3)
        if answer.executions:
            (assignment,) = answer.executions
            return assignment
    raise AssertionError("no work came")


async def nothing_left(harness: Harness) -> None:
    await harness.eventually("SELECT count(*) FROM places", equals=0)


async def test_runs_wait_in_order_and_what_waits_can_be_cancelled(harness: Harness) -> None:
    agent = await harness.agent()
    job = await harness.job(**QUEUED, max_queued=3)
    first, second, third, fourth = [await harness.trigger(job) for _ in range(4)]
    full = await harness.trigger(job)
    assert await status(harness, full.run_id) == ("skipped", "queue_full")
    assert full.execution_ids == []
    assert "max_queued" in full.message
    for waiting in (second, third, fourth):
        assert await status(harness, waiting.run_id) == ("pending", "waiting_for_place")
        execution = await harness.row("executions", waiting.execution_ids[0])
        assert execution["reason"] == "waiting_for_place"
    await harness.engine.canceller.cancel_run(third.run_id, by=harness.admin)
    assert await status(harness, third.run_id) == ("cancelled", "cancelled")
    for expected in (first, second, fourth):
        assignment = await next_of(agent)
        assert assignment.run_id == expected.run_id
        assert await status(harness, expected.run_id) == ("pending", None)
        await agent.finish(assignment)
    await nothing_left(harness)


async def test_a_limit_is_never_exceeded_by_two_controllers(harness: Harness, other: Engine) -> None:
    """Triggers on both at once, of two jobs that share a key; every run gets its turn."""
    agent = await harness.agent()
    jobs = [await harness.job(concurrency={"key": "shared", "limit": 2}) for _ in range(2)]
    harnesses = [harness, Harness(other, harness.db, harness.connection, harness.admin)]
    await asyncio.gather(*(one.trigger(job) for one in harnesses for job in jobs for _ in range(4)))
    seen = "SELECT count(*) FROM places WHERE held_at IS NOT NULL"
    done, holding = 0, []
    while done < 16:
        holding += (await agent.poll(wait_secs=0.2)).executions
        assert await harness.connection.fetchval(seen) <= 2
        assert len(holding) <= 2
        if holding:
            await agent.finish(holding.pop(0), "failed" if done % 3 else "succeeded")
            done += 1
    await nothing_left(harness)


async def test_a_newer_run_starts_once_the_older_has_really_ended(harness: Harness) -> None:
    agent = await harness.agent()
    job = await harness.job(max_concurrent=1, overlap="replace", retry_max=2)
    old = await harness.trigger(job)
    running = await next_of(agent)
    await agent.start(running)
    skipped_over, new = await harness.trigger(job), await harness.trigger(job)
    await harness.eventually("SELECT status FROM runs WHERE id = $1", skipped_over.run_id, equals="cancelled")
    assert await status(harness, skipped_over.run_id) == ("cancelled", "replaced")
    asked = "SELECT cancel_requested_at IS NOT NULL FROM leases WHERE execution_id = $1"
    await harness.eventually(asked, running.execution_id, equals=True)
    assert (await agent.poll(wait_secs=0.2)).executions == []  # not before its place is free
    assert await status(harness, new.run_id) == ("pending", "waiting_for_place")
    await agent.finish(running, "cancelled", reason="cancelled")
    assert await status(harness, old.run_id) == ("cancelled", "cancelled")
    assert (await next_of(agent)).run_id == new.run_id


async def test_a_lost_run_gives_its_place_back(harness: Harness) -> None:
    silent = await harness.agent("silent")
    job = await harness.job(**QUEUED, lost_after_secs=10)
    await harness.trigger(job)
    taken = await next_of(silent)
    second = await harness.trigger(job)
    await harness.connection.execute(
        "UPDATE leases SET expires_at = now() - interval '1 hour' WHERE execution_id = $1", taken.execution_id
    )
    healthy = await harness.agent("healthy")
    assert (await next_of(healthy)).run_id == second.run_id


async def test_every_source_meets_the_limit_of_a_job_that_skips(harness: Harness) -> None:
    job = await harness.job(max_concurrent=1)
    await harness.trigger(job)
    second = await harness.trigger(job)
    assert await status(harness, second.run_id) == ("skipped", "overlap")
    assert second.message.startswith("job skipped: 1 runs of the job were open")


async def test_a_scheduled_run_waits_for_a_place_and_an_approved_one_asks_for_it_then(
    harness: Harness,
) -> None:
    agent = await harness.agent()
    mutex: dict[str, Any] = {"concurrency": {"key": "shared"}}
    asked = await harness.trigger(await harness.job(**mutex, approval_required=True))
    every_second = {"type": "cron", "value": "* * * * * *"}
    scheduled = await harness.job(schedule=every_second, next_fire_at=now(), max_queued=1, **mutex)
    first = await next_of(agent)
    assert first.job_id == scheduled
    await harness.connection.execute("DELETE FROM timers")
    async with harness.db.transaction() as session:
        decided = await harness.engine.approver.approve(
            session, asked.run_id, asked.execution_ids[0], harness.admin, None
        )
    assert decided is not None
    assert await status(harness, asked.run_id) == ("pending", "waiting_for_place")
    ran = [first]
    while ran[-1].run_id != asked.run_id:
        await agent.finish(ran[-1])
        ran.append(await next_of(agent))
    await agent.finish(ran[-1])
    await nothing_left(harness)


async def test_a_run_that_can_t_be_let_through_keeps_no_place_from_others(harness: Harness) -> None:
    agent = await harness.agent()
    broken = await harness.job(**QUEUED, target={"type": "all"}, rollout={"batch": 1})
    sound = await harness.job(**QUEUED)  # its key comes after
    _, _, _, last = [await harness.trigger(job) for job in (broken, sound, broken, sound)]
    await harness.connection.execute(
        'UPDATE runs SET rollout = rollout || \'{"released": "?"}\''
        " WHERE job_id = $1 AND reason = 'waiting_for_place'",
        broken,
    )
    await harness.connection.execute(
        "INSERT INTO rollout_waits (execution_id, run_id, batch, agent_id)"
        " SELECT e.id, e.run_id, 1, $2 FROM executions AS e JOIN runs AS r ON r.id = e.run_id"
        " WHERE e.job_id = $1 AND r.reason = 'waiting_for_place'",
        broken,
        agent.id,
    )
    for _ in range(2):
        await agent.finish(await next_of(agent))
    assert (await next_of(agent)).run_id == last.run_id


async def test_an_approval_that_can_t_expire_keeps_no_other_from_expiring(harness: Harness) -> None:
    await harness.agent()
    waits: dict[str, Any] = {"approval_required": True, "approval_expires_secs": 1}
    broken = await harness.job(**waits, target={"type": "all"}, rollout={"batch": 1})
    sound = await harness.job(**waits)
    bad, good = [(await harness.trigger(job)).run_id for job in (broken, sound)]
    await harness.connection.execute("UPDATE runs SET rollout = '{\"sizes\": 1}' WHERE id = $1", bad)
    await harness.eventually("SELECT status FROM runs WHERE id = $1", good, equals="cancelled")
    assert await status(harness, bad) == ("pending", None)
