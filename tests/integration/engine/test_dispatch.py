"""Work finds agents, answers get lost, rights move on (G2, G3, G6, G9)."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import pytest
from tests.integration.engine.conftest import Harness, result

from tocsin_controller.store.database import HeldSession
from tocsin_controller.store.ending import Start, start_executions
from tocsin_controller.store.leasing import renew_leases
from tocsin_shared.errors import Superseded
from tocsin_shared.ids import new_id
from tocsin_shared.protocol import Assignment, Held, Receipt, RegisterRequest
from tocsin_shared.wire import loads


async def test_a_triggered_job_reaches_a_waiting_agent_and_its_result_is_stored(harness: Harness) -> None:
    agent = await harness.agent()
    waiting = asyncio.create_task(agent.poll(wait_secs=10))
    launched = await harness.trigger(await harness.job())
    (assignment,) = (await waiting).executions
    assert assignment.execution_id == launched.execution_ids[0]
    assert await agent.start(assignment) is Receipt.RECORDED
    assert (await harness.row("executions", assignment.execution_id))["status"] == "running"
    assert await agent.finish(assignment) is Receipt.RECORDED
    execution = await harness.row("executions", assignment.execution_id)
    run = await harness.row("runs", launched.run_id)
    assert (execution["status"], execution["agent_id"]) == ("succeeded", agent.id)
    assert execution["started_at"] < execution["finished_at"]
    assert (run["status"], run["open_executions"], run["succeeded"]) == ("succeeded", 0, 1)
    assert await harness.connection.fetchval("SELECT count(*) FROM leases") == 0


async def test_work_that_waits_is_found_by_an_agent_that_comes_later(harness: Harness) -> None:
    launched = await harness.trigger(await harness.job())
    answer = await (await harness.agent()).poll()
    assert [a.execution_id for a in answer.executions] == launched.execution_ids


async def test_a_poll_with_nothing_to_do_comes_back_empty(harness: Harness) -> None:
    answer = await (await harness.agent()).poll(wait_secs=0.2)
    assert answer.executions == []


async def test_the_most_urgent_job_goes_first(harness: Harness) -> None:
    ordinary = await harness.trigger(await harness.job())
    urgent = await harness.trigger(await harness.job(priority=10))
    agent = await harness.agent()
    first, second = await agent.poll(slots=1), await agent.poll(slots=1)
    assert first.executions[0].execution_id == urgent.execution_ids[0]
    assert second.executions[0].execution_id == ordinary.execution_ids[0]


async def test_tags_and_task_types_decide(harness: Harness) -> None:
    tagged = await harness.trigger(await harness.job(target={"type": "tagged", "tag": "db"}))
    shell = await harness.trigger(await harness.job(task={"type": "shell", "command": "true"}))
    plain = await harness.agent("plain", types=("shell",))
    database = await harness.agent("database", types=("noop",), tags=["db"])
    assert [a.execution_id for a in (await plain.poll(wait_secs=2)).executions] == shell.execution_ids
    assert [a.execution_id for a in (await database.poll(wait_secs=2)).executions] == tagged.execution_ids


async def test_an_expression_finds_agents_that_wait_and_agents_that_come_later(harness: Harness) -> None:
    job = await harness.job(target={"type": "tagged", "expression": "linux and not (db or legacy)"})
    plain = await harness.agent("plain", tags=["linux"])
    database = await harness.agent("database", tags=["linux", "db"])
    parked = [asyncio.create_task(agent.poll(wait_secs=2)) for agent in (database, plain)]
    await asyncio.sleep(0.1)
    first = await harness.trigger(job)
    nothing, found = await asyncio.gather(*parked)
    assert nothing.executions == []
    assert [a.execution_id for a in found.executions] == first.execution_ids
    second = await harness.trigger(job)
    late = await harness.agent("late", tags=["linux", "web"])
    assert [a.execution_id for a in (await late.poll(wait_secs=30)).executions] == second.execution_ids


async def test_tagged_all_runs_on_every_host_with_the_tags(harness: Harness) -> None:
    agents = [await harness.agent(name, tags=["web"]) for name in ("one", "two")]
    await harness.agent("other", tags=["db"])
    target = {"type": "tagged", "tag": "web", "mode": "all"}
    launched = await harness.trigger(await harness.job(target=target))
    assert len(launched.execution_ids) == 2
    for agent in agents:
        (assignment,) = (await agent.poll()).executions
        await agent.finish(assignment)
    run = await harness.row("runs", launched.run_id)
    assert (run["status"], run["succeeded"], run["not_reached"]) == ("succeeded", 2, None)


async def test_all_freezes_the_agents_and_names_those_not_reached(harness: Harness) -> None:
    first, second, away = [await harness.agent(name) for name in ("first", "second", "away")]
    await harness.connection.execute("UPDATE agents SET status = 'offline' WHERE id = $1", away.id)
    launched = await harness.trigger(await harness.job(target={"type": "all"}))
    assert len(launched.execution_ids) == 2
    for agent in (first, second):
        (assignment,) = (await agent.poll()).executions
        await agent.finish(assignment)
    run = await harness.row("runs", launched.run_id)
    assert (run["status"], run["succeeded"]) == ("succeeded", 2)
    not_reached = loads(run["not_reached"])
    assert [(one["name"], one["why"]) for one in not_reached] == [("away", "offline")]


async def test_an_all_run_fails_when_one_host_fails(harness: Harness) -> None:
    agents = [await harness.agent(name) for name in ("one", "two")]
    launched = await harness.trigger(await harness.job(target={"type": "all"}))
    for agent, status in zip(agents, ("failed", "succeeded"), strict=True):
        (assignment,) = (await agent.poll()).executions
        await agent.finish(assignment, status)
    run = await harness.row("runs", launched.run_id)
    assert (run["status"], run["failed"], run["succeeded"]) == ("failed", 1, 1)


async def test_all_without_any_agent_fails_at_once(harness: Harness) -> None:
    launched = await harness.trigger(await harness.job(target={"type": "all"}))
    run = await harness.row("runs", launched.run_id)
    assert (run["status"], run["reason"]) == ("failed", "no_agent")
    assert run["finished_at"] is not None


async def test_nobody_takes_it_in_time(harness: Harness) -> None:
    launched = await harness.trigger(await harness.job(queue_timeout_secs=1))
    await harness.eventually("SELECT status FROM runs WHERE id = $1", launched.run_id, equals="failed")
    execution = await harness.row("executions", launched.execution_ids[0])
    assert (execution["status"], execution["reason"]) == ("failed", "no_agent")


async def test_a_lost_answer_is_offered_again_with_a_higher_fence(harness: Harness) -> None:
    await harness.trigger(await harness.job())
    agent = await harness.agent()
    agent.seq = 1
    (unheard,) = (await agent.poll_unheard()).executions
    (again,) = (await agent.poll()).executions
    assert again.execution_id == unheard.execution_id
    assert again.fence > unheard.fence
    assert await agent.upload(result(unheard)) == [Receipt.STALE]
    assert await agent.finish(again) is Receipt.RECORDED


async def test_a_lost_answer_is_not_offered_again_when_the_job_was_deleted_meanwhile(
    harness: Harness,
) -> None:
    job = await harness.job()
    launched = await harness.trigger(job)
    agent = await harness.agent()
    agent.seq = 1
    assert len((await agent.poll_unheard()).executions) == 1
    await harness.connection.execute("DELETE FROM jobs WHERE id = $1", job)
    assert (await agent.poll(wait_secs=0.1)).executions == []
    await harness.eventually("SELECT reason FROM runs WHERE id = $1", launched.run_id, equals="job_deleted")
    assert (await harness.row("runs", launched.run_id))["status"] == "cancelled"


async def test_a_lost_answer_goes_to_another_agent_when_its_own_takes_no_more(harness: Harness) -> None:
    await harness.trigger(await harness.job())
    draining = await harness.agent("draining")
    draining.seq = 1
    (unheard,) = (await draining.poll_unheard()).executions
    assert (await draining.poll(slots=0, wait_secs=0.3)).executions == []
    (taken,) = (await (await harness.agent("other")).poll()).executions
    assert (taken.execution_id, taken.fence) == (unheard.execution_id, unheard.fence + 1)


async def test_a_heartbeat_in_between_does_not_hide_a_lost_answer(harness: Harness) -> None:
    """It names what the agent has, and says nothing of what may still be on its way."""
    await harness.trigger(await harness.job())
    agent = await harness.agent()
    await agent.poll()
    await harness.trigger(await harness.job())
    agent.seq += 1
    (unheard,) = (await agent.poll_unheard()).executions
    await agent.heartbeat()
    (again,) = (await agent.poll(wait_secs=1)).executions
    assert (again.execution_id, again.fence) == (unheard.execution_id, unheard.fence + 1)


async def test_an_answer_tells_how_long_the_poll_had_waited_for_its_work(harness: Harness) -> None:
    agent = await harness.agent()
    waiting = asyncio.create_task(agent.poll())
    await asyncio.sleep(0.3)
    await harness.trigger(await harness.job())
    held_secs = (await waiting).held_secs
    assert held_secs is not None
    assert held_secs >= 0.3
    agent.running.clear()
    again = await agent.poll()  # as after a lost answer
    assert again.executions
    assert again.held_secs is not None
    assert again.held_secs < held_secs


async def test_an_answer_is_not_offered_again_while_the_agent_names_it(harness: Harness) -> None:
    await harness.trigger(await harness.job())
    agent = await harness.agent()
    assert len((await agent.poll()).executions) == 1
    assert (await agent.poll(wait_secs=0.3)).executions == []


async def test_a_lost_answer_is_noticed_by_another_controller_too(harness: Harness) -> None:
    await harness.trigger(await harness.job())
    agent = await harness.agent()
    agent.seq = 1
    (unheard,) = (await agent.poll_unheard()).executions
    harness.engine.desk._sessions._known.clear()  # as after a restart of the controller
    (again,) = (await agent.poll()).executions
    assert (again.execution_id, again.fence) == (unheard.execution_id, unheard.fence + 1)


async def test_a_newer_process_supersedes_the_older(harness: Harness) -> None:
    older = await harness.agent("same")
    newer = await harness.agent("same")
    assert older.id == newer.id
    with pytest.raises(Superseded):
        await older.poll(wait_secs=0.1)
    assert (await newer.poll(wait_secs=0.1)).executions == []


async def test_cancelling_what_waits_ends_it_at_once(harness: Harness) -> None:
    launched = await harness.trigger(await harness.job())
    status = await harness.engine.canceller.cancel_execution(launched.execution_ids[0], by=harness.admin)
    assert status == "cancelled"
    assert (await harness.row("runs", launched.run_id))["status"] == "cancelled"
    assert (await (await harness.agent()).poll(wait_secs=0.2)).executions == []


async def test_a_cancel_reaches_a_parked_poll_within_a_second(harness: Harness) -> None:
    launched = await harness.trigger(await harness.job())
    agent = await harness.agent()
    (assignment,) = (await agent.poll()).executions
    await agent.start(assignment)
    parked = asyncio.create_task(agent.poll(slots=0, wait_secs=20))
    await asyncio.sleep(0.05)
    assert (
        await harness.engine.canceller.cancel_execution(assignment.execution_id, by=harness.admin)
        == "cancelling"
    )
    async with asyncio.timeout(1):
        orders = await parked
    assert [c.execution_id for c in orders.cancel] == [assignment.execution_id]
    assert (await harness.row("executions", assignment.execution_id))["status"] == "running"
    assert await agent.finish(assignment, "cancelled", reason="cancelled") is Receipt.RECORDED
    assert (await harness.row("runs", launched.run_id))["status"] == "cancelled"


async def test_a_cancel_travels_with_the_heartbeat_too(harness: Harness) -> None:
    await harness.trigger(await harness.job())
    agent = await harness.agent()
    (assignment,) = (await agent.poll()).executions
    await agent.start(assignment)
    await harness.engine.canceller.cancel_execution(assignment.execution_id, by=harness.admin)
    assert [c.execution_id for c in (await agent.heartbeat()).cancel] == [assignment.execution_id]


async def test_a_simple_agent_gets_one_item_and_handing_out_counts_as_started(harness: Harness) -> None:
    request = RegisterRequest(name="simple", agent_type="custom", hostname="h", address="a", port=0)
    registered = await harness.engine.desk.register(harness.admin, request)
    launched = await harness.trigger(
        await harness.job(task={"type": "custom", "agent_task_type": "t", "data": {"n": 1.5}})
    )
    item = await harness.engine.desk.next_simple(registered.agent_id, 5)
    assert item is not None
    assert item.task == {"type": "custom", "agent_task_type": "t", "data": {"n": 1.5}}
    assert item.execution_id == str(launched.execution_ids[0])
    assert (await harness.row("executions", launched.execution_ids[0]))["status"] == "running"


async def test_removing_an_agent_cancels_what_only_it_could_take(harness: Harness) -> None:
    agent = await harness.agent()
    job = await harness.job(target={"type": "agent", "agent_id": str(agent.id)})
    launched = await harness.trigger(job)
    await harness.engine.desk.remove(agent.id, by=harness.admin)
    execution = await harness.row("executions", launched.execution_ids[0])
    assert (execution["status"], execution["reason"]) == ("cancelled", "agent_removed")


async def test_two_engines_share_the_queue_without_handing_anything_out_twice(harness: Harness) -> None:
    job = await harness.job()
    launched = [await harness.trigger(job) for _ in range(40)]
    agents = [await harness.agent(f"agent-{n}") for n in range(4)]
    answers = await asyncio.gather(*(agent.poll(slots=16, wait_secs=2) for agent in agents))
    given = [a.execution_id for answer in answers for a in answer.executions]
    for agent in agents:
        given += [a.execution_id for a in (await agent.poll(slots=16, wait_secs=0.3)).executions]
    assert len(given) == len(set(given)) == 40
    assert set(given) == {e for one in launched for e in one.execution_ids}


async def test_an_unknown_execution_is_not_ours(harness: Harness) -> None:
    agent, other = await harness.agent("a"), await harness.agent("b")
    await harness.trigger(await harness.job())
    (assignment,) = (await agent.poll()).executions
    assert await other.upload(result(assignment)) == [Receipt.UNKNOWN]
    stranger = assignment.model_copy(update={"execution_id": new_id()})
    assert await agent.upload(result(stranger)) == [Receipt.UNKNOWN]


async def test_a_jobs_limits_reach_its_agent(harness: Harness) -> None:
    limits = {"memory_max_bytes": 2**30, "cpu_max": 1.5, "pids_max": None}
    await harness.trigger(await harness.job(task={"type": "shell", "command": "true"}, limits=limits))
    agent = await harness.agent()
    (assignment,) = (await agent.poll()).executions
    assert assignment.limits is not None
    assert assignment.limits.model_dump() == limits


async def test_a_run_is_cancelled_while_results_of_it_come_in(harness: Harness, database_url: str) -> None:
    """Both lock the leases first and the run last: neither is given up to break a deadlock."""
    a, _ = [await harness.agent(name) for name in ("a", "b")]
    run_id = (await harness.trigger(await harness.job(target={"type": "all"}))).run_id
    (assignment,) = (await a.poll()).executions
    writer = await asyncpg.connect(database_url)
    async with writer.transaction():  # as whoever records the result
        locked = "SELECT FROM leases WHERE execution_id = $1 FOR UPDATE"
        await writer.execute(locked, assignment.execution_id)
        cancelling = asyncio.create_task(harness.engine.canceller.cancel_run(run_id, by=harness.admin))
        waits = (
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() "
            "AND wait_event_type = 'Lock' AND query LIKE $1)"
        )
        await harness.eventually(waits, "%leases%", equals=True)
        await writer.execute("SELECT FROM runs WHERE id = $1 FOR UPDATE", run_id)
    await cancelling
    await writer.close()
    assert (await harness.row("runs", run_id))["cancelled"] == 1


async def test_those_who_write_many_leases_do_so_in_one_order(harness: Harness) -> None:
    """Whatever order they were told of them in: nobody waits in a circle."""
    agent = await harness.agent()
    job = await harness.job()
    for _ in range(32):
        await harness.trigger(job)
    given: list[Assignment] = []
    while len(given) < 32:
        given += (await agent.poll(slots=32)).executions
    held = [(agent.id, Held(execution_id=a.execution_id, fence=a.fence)) for a in given]
    starts = [Start(a.execution_id, a.run_id, agent.id, a.fence, 0.0) for a in given]

    async def repeat(write: Callable[[HeldSession], Awaitable[object]]) -> None:
        async with harness.db.hold() as session:
            for _ in range(30):
                await write(session)

    async with asyncio.TaskGroup() as writers:
        writers.create_task(repeat(lambda session: renew_leases(session, held[::-1], 60.0)))
        writers.create_task(repeat(lambda session: renew_leases(session, held, 60.0)))
        writers.create_task(repeat(lambda session: start_executions(session, starts)))
        writers.create_task(repeat(lambda session: start_executions(session, starts[::-1])))
