"""Runs on every host that go about it in batches, in a whole engine."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from tests.integration.engine.conftest import FakeAgent, Harness

from tocsin_controller.engine import build_engine
from tocsin_controller.settings import ControllerSettings
from tocsin_controller.store.doubts import doubt_handed_out
from tocsin_controller.supervisor import supervise
from tocsin_controller.workflow.gates.approving import PutOff
from tocsin_controller.workflow.launch import agents_for, launch_gated, plan_run
from tocsin_shared.jobs import JobDefinition
from tocsin_shared.protocol import Assignment
from tocsin_shared.wire import loads

Aim = dict[str, Any]


@pytest.fixture
def lease_secs() -> float:
    """Hosts are offline when a test says so, never because the machine was slow."""
    return 600.0


async def fleet(harness: Harness, count: int) -> list[FakeAgent]:
    """Agents a, b, c, ...: rollouts go by name."""
    return [await harness.agent(chr(ord("a") + n)) for n in range(count)]


async def go(harness: Harness, rollout: Aim, **more: Any) -> UUID:
    """A run of a job on every host."""
    job = await harness.job(target={"type": "all"}, rollout=rollout, **more)
    return (await harness.trigger(job)).run_id


async def take(agent: FakeAgent, *, wait_secs: float = 30) -> Assignment:
    (assignment,) = (await agent.poll(wait_secs=wait_secs)).executions
    return assignment


async def has_nothing(agent: FakeAgent) -> bool:
    return not (await agent.poll(wait_secs=0.3)).executions


async def offline(harness: Harness, *agents: FakeAgent) -> None:
    await harness.connection.execute(
        "UPDATE agents SET status = 'offline' WHERE id = ANY($1)", [agent.id for agent in agents]
    )


async def executions(harness: Harness, run_id: UUID) -> list[tuple[str, str | None]]:
    """(status, reason) of each, by agent."""
    rows = await harness.connection.fetch(
        "SELECT e.status, e.reason FROM executions AS e JOIN agents AS a ON a.id = e.agent_id"
        " WHERE e.run_id = $1 ORDER BY a.name",
        run_id,
    )
    return [(row["status"], row["reason"]) for row in rows]


async def until(harness: Harness, run_id: UUID, is_so: Callable[[Any], bool]) -> Any:
    """The run, once this is so."""
    async with asyncio.timeout(30):
        while not is_so(run := await harness.row("runs", run_id)):
            await asyncio.sleep(0.05)
    return run


async def nothing_waits(harness: Harness) -> bool:
    return not await harness.connection.fetchval(
        "SELECT (SELECT count(*) FROM queue) + (SELECT count(*) FROM rollout_waits)"
    )


async def test_a_batch_begins_when_the_one_before_has_ended(harness: Harness) -> None:
    a, b, c = await fleet(harness, 3)
    run_id = await go(harness, {"canary": 1, "batch": 2})
    assert await executions(harness, run_id) == [
        ("pending", None),
        ("pending", "rollout_waits"),
        ("pending", "rollout_waits"),
    ]
    waits = await harness.connection.fetchval(
        "SELECT message FROM executions WHERE reason IS NOT NULL LIMIT 1"
    )
    assert waits == "waits for batch 2 of 2 of the rollout"
    assert await has_nothing(b)
    await a.finish(await take(a))
    for agent in (b, c):
        await agent.finish(await take(agent))
    run = await harness.row("runs", run_id)
    assert (run["status"], run["succeeded"], run["open_executions"]) == ("succeeded", 3, 0)
    assert await nothing_waits(harness)


async def test_a_failed_canary_stops_the_rollout_and_says_so_once(harness: Harness) -> None:
    a, b, _ = await fleet(harness, 3)
    run_id = await go(harness, {"canary": 1})
    await a.finish(await take(a), "failed", reason="exit_code", exit_code=1)
    run = await harness.row("runs", run_id)
    assert (run["status"], run["failed"], run["open_executions"]) == ("failed", 1, 0)
    assert run["reason"] == "rollout_stopped"
    assert "a canary failed" in run["message"]
    assert await executions(harness, run_id) == [
        ("failed", "exit_code"),
        ("skipped", "rollout_stopped"),
        ("skipped", "rollout_stopped"),
    ]
    assert await has_nothing(b)
    assert (
        await harness.connection.fetchval("SELECT count(*) FROM events WHERE kind = 'rollout.stopped'") == 1
    )
    assert await nothing_waits(harness)


async def test_a_retry_keeps_the_batch_open(harness: Harness) -> None:
    a, b = await fleet(harness, 2)
    await go(harness, {"batch": 1}, retry_max=1)
    await a.finish(await take(a), "failed", reason="exit_code", exit_code=1)
    assert await has_nothing(b)
    await a.finish(await take(a))
    await take(b)


async def test_a_delay_passes_between_batches(harness: Harness) -> None:
    a, b = await fleet(harness, 2)
    run_id = await go(harness, {"batch": 1, "delay_secs": 1})
    await a.finish(await take(a))
    state = loads((await harness.row("runs", run_id))["rollout"])
    assert (state["released"], state["next_at"] is not None) == (1, True)
    await b.finish(await take(b))
    assert (await harness.row("runs", run_id))["status"] == "succeeded"


async def test_a_quorum_decides_how_the_run_ended(harness: Harness) -> None:
    a, b, c = await fleet(harness, 3)
    enough = await go(harness, {"quorum": "60%"})
    for agent, status in ((a, "succeeded"), (b, "failed"), (c, "succeeded")):
        await agent.finish(await take(agent), status)
    run = await harness.row("runs", enough)
    assert (run["status"], run["reason"], run["failed"]) == ("succeeded", None, 1)
    too_few = await go(harness, {"quorum": 3})
    for agent, status in ((a, "succeeded"), (b, "failed"), (c, "succeeded")):
        await agent.finish(await take(agent), status)
    assert (await harness.row("runs", too_few))["status"] == "failed"


async def test_a_host_that_returns_has_its_turn_after_the_others(harness: Harness) -> None:
    a, b = await fleet(harness, 2)
    await offline(harness, b)
    run_id = await go(harness, {"wait_offline_secs": 60})
    assert await executions(harness, run_id) == [("pending", None), ("pending", "host_offline")]
    assert await has_nothing(b)  # it is back, but it is not its turn yet
    await a.finish(await take(a))
    assignment = await take(b)
    assert (await harness.row("runs", run_id))["finished_at"] is None
    await b.finish(assignment)
    run = await harness.row("runs", run_id)
    assert (run["status"], run["succeeded"], run["not_reached"]) == ("succeeded", 2, None)
    assert await nothing_waits(harness)


async def test_what_a_host_was_waited_for_is_over_once_it_runs(harness: Harness) -> None:
    (a,) = await fleet(harness, 1)
    await offline(harness, a)
    run_id = await go(harness, {"wait_offline_secs": 60})
    assert await executions(harness, run_id) == [("pending", "host_offline")]
    await a.start(await take(a))
    assert await executions(harness, run_id) == [("running", None)]


async def test_a_host_that_does_not_return_in_time_is_named(harness: Harness) -> None:
    a, b = await fleet(harness, 2)
    await offline(harness, b)
    run_id = await go(harness, {"wait_offline_secs": 1, "quorum": 2})
    await a.finish(await take(a))
    run = await until(harness, run_id, lambda run: run["finished_at"] is not None)
    assert (run["status"], run["reason"]) == ("failed", "quorum")
    (entry,) = loads(run["not_reached"])
    assert (entry["name"], entry["why"]) == ("b", "did not come back within 1 s")
    assert await executions(harness, run_id) == [("succeeded", None), ("skipped", "not_reached")]
    assert await nothing_waits(harness)


async def test_a_host_that_left_before_its_batch_is_not_waited_for_unless_asked(harness: Harness) -> None:
    a, b, c = await fleet(harness, 3)
    run_id = await go(harness, {"batch": 1})
    assignment = await take(a)
    await offline(harness, b)
    await a.finish(assignment)
    await c.finish(await take(c))
    run = await harness.row("runs", run_id)
    assert (run["status"], run["succeeded"]) == ("succeeded", 2)
    assert [one["name"] for one in loads(run["not_reached"])] == ["b"]


async def test_a_rollout_is_cancelled_at_any_time(harness: Harness) -> None:
    a, b, _ = await fleet(harness, 3)
    run_id = await go(harness, {"batch": 1})
    assignment = await take(a)
    await harness.engine.canceller.cancel_run(run_id, by=harness.admin)
    await a.finish(assignment, "cancelled", reason="cancelled")
    run = await harness.row("runs", run_id)
    assert (run["status"], run["cancelled"], run["open_executions"]) == ("cancelled", 3, 0)
    assert await has_nothing(b)
    assert await nothing_waits(harness)


async def test_two_controllers_begin_each_batch_once_while_hosts_end_and_are_cancelled(
    harness: Harness, settings: Callable[..., ControllerSettings]
) -> None:
    """Ends of one batch are written by both at the same moment; some of what waits is cancelled meanwhile."""
    agents = await fleet(harness, 12)
    other = build_engine(harness.db, settings())
    services = asyncio.create_task(supervise(other.services))
    for agent in agents[::2]:
        agent.harness = replace(harness, engine=other)
    begun: list[int] = []
    waiting = dict(enumerate(agents))

    async def work(agent: FakeAgent, number: int) -> None:
        while number in waiting:
            for assignment in (await agent.poll(wait_secs=0.3)).executions:
                begun.append(number)
                await agent.finish(assignment, "failed" if number == 5 else "succeeded")

    run_id = await go(harness, {"batch": 3, "quorum": "50%"})
    working = [asyncio.create_task(work(agent, number)) for number, agent in waiting.items()]
    ids = await harness.connection.fetch("SELECT id FROM executions WHERE run_id = $1 ORDER BY id", run_id)
    for row in (ids[7], ids[11]):
        await other.canceller.cancel_execution(row["id"], by=harness.admin)
    run = await until(harness, run_id, lambda run: run["finished_at"] is not None)
    waiting.clear()
    await asyncio.gather(*working)
    services.cancel()
    await asyncio.gather(services, return_exceptions=True)
    batches = [number // 3 for number in begun]
    assert batches == sorted(batches)
    assert len(begun) == len(set(begun)) == run["succeeded"] + run["failed"]
    assert run["status"] == "succeeded"
    assert run["succeeded"] + run["failed"] + run["cancelled"] == 12
    assert run["cancelled"] >= 1
    assert await nothing_waits(harness)


async def test_what_was_held_back_when_an_epoch_begins_is_not_begun(harness: Harness) -> None:
    """The part of the database that was lost may have begun it."""
    a, b = await fleet(harness, 2)
    await go(harness, {"batch": 1})
    assignment = await take(a)
    assert await doubt_handed_out(harness.db) == 1
    await a.finish(assignment)
    assert await has_nothing(b)
    assert (
        await harness.connection.fetchval("SELECT count(*) FROM queue WHERE uncertain_since IS NOT NULL") == 1
    )


async def test_a_run_that_waits_for_a_place_begins_with_its_first_batch(harness: Harness) -> None:
    a, b = await fleet(harness, 2)
    job = await harness.job(target={"type": "all"}, rollout={"batch": 1}, max_concurrent=1, overlap="queue")
    first, second = [(await harness.trigger(job)).run_id for _ in range(2)]
    for run_id in (first, second):
        for agent, other in ((a, b), (b, a)):
            assignment = await take(agent)
            assert assignment.run_id == run_id
            assert await has_nothing(other)
            await agent.finish(assignment)
        await until(harness, run_id, lambda run: run["status"] == "succeeded")
    assert await nothing_waits(harness)


@pytest.mark.parametrize("is_approved", [True, False])
async def test_a_run_that_was_put_off_begins_for_nobody_before_its_time(
    harness: Harness, is_approved: bool
) -> None:
    """Also when all of its hosts are away: they are waited for from that time on."""
    (a,) = await fleet(harness, 1)
    await offline(harness, a)
    rollout = {"wait_offline_secs": 60}
    later = datetime.now(UTC) + timedelta(seconds=300)
    if is_approved:
        run_id = await go(harness, rollout, approval_required=True)
        execution_id = await harness.connection.fetchval("SELECT id FROM executions")
        async with harness.db.transaction() as session:
            put_off = PutOff(later, "waits for the end of a blackout")
            approver = harness.engine.approver
            assert await approver.approve(session, run_id, execution_id, harness.admin, None, put_off)
    else:
        job_id = await harness.job(target={"type": "all"}, rollout=rollout)
        async with harness.db.transaction() as session:
            job = await harness.engine.definitions.get(session, (job_id, 1))
            assert isinstance(job, JobDefinition)
            agents = await agents_for(session, [job])
            run = plan_run(job_id, 1, job, trigger={"type": "event"}, agents=agents)
            run_id = run.id
            await launch_gated(session, [run._replace(ready_at=later)])
    waits = "SELECT ready_at, (SELECT rollout ->> 'waits_until' FROM runs) AS until FROM queue"
    row = await harness.connection.fetchrow(waits)
    assert (row["ready_at"], datetime.fromisoformat(row["until"])) == (later, later + timedelta(seconds=60))
    looks_at = await harness.connection.fetchval("SELECT due_at FROM outbox WHERE kind = 'rollout'")
    assert abs(looks_at - later - timedelta(seconds=60)) < timedelta(milliseconds=1)
    assert await has_nothing(a)


async def test_a_batch_that_comes_early_waits_for_the_instant_that_the_run_was_put_off_to(
    harness: Harness,
) -> None:
    """The one before it was cancelled meanwhile."""
    _, b = await fleet(harness, 2)
    job_id = await harness.job(target={"type": "all"}, rollout={"batch": 1})
    later = datetime.now(UTC) + timedelta(seconds=300)
    async with harness.db.transaction() as session:
        job = await harness.engine.definitions.get(session, (job_id, 1))
        assert isinstance(job, JobDefinition)
        agents = await agents_for(session, [job])
        run = plan_run(job_id, 1, job, trigger={"type": "event"}, agents=agents)
        await launch_gated(session, [run._replace(ready_at=later)])
    await harness.engine.canceller.cancel_execution(run.executions[0].id, by=harness.admin)
    await harness.eventually("SELECT count(*) FROM rollout_waits", equals=0)
    assert await harness.connection.fetchval("SELECT ready_at FROM queue") == later
    assert await has_nothing(b)
    await harness.connection.execute("UPDATE queue SET ready_at = now()")
    await b.finish(await take(b))
