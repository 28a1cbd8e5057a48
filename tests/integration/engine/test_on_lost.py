"""What becomes of work whose agent vanished: given up, or run again, as the job says."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
from tests.integration.engine.conftest import FakeAgent, Harness, result

from tocsin_shared.protocol import Assignment, Held, Receipt

RETRY: dict[str, Any] = {"on_lost": "retry", "lost_after_secs": 60}


async def lose(harness: Harness, assignment: Assignment) -> None:
    """Let the agent of an execution be silent for long enough."""
    await harness.connection.execute(
        "UPDATE leases SET expires_at = now() - interval '2 minutes' WHERE execution_id = $1",
        assignment.execution_id,
    )
    await harness.eventually(
        "SELECT status FROM executions WHERE id = $1", assignment.execution_id, equals="lost"
    )


async def attempts(harness: Harness, run_id: UUID) -> list[asyncpg.Record]:
    rows: list[asyncpg.Record] = await harness.connection.fetch(
        "SELECT * FROM executions WHERE run_id = $1 ORDER BY attempt_number", run_id
    )
    return rows


async def take(agent: FakeAgent) -> Assignment:
    (assignment,) = (await agent.poll()).executions
    await agent.start(assignment)
    return assignment


async def test_a_lost_execution_is_given_up_by_default(harness: Harness) -> None:
    launched = await harness.trigger(await harness.job(lost_after_secs=60))
    agent = await harness.agent()
    assignment = await take(agent)
    assert assignment.self_fence_secs is None
    await lose(harness, assignment)
    assert [a["status"] for a in await attempts(harness, launched.run_id)] == ["lost"]


async def test_a_lost_execution_runs_again_where_the_job_says_so(harness: Harness) -> None:
    launched = await harness.trigger(await harness.job(**RETRY))
    first, second = await harness.agent("first"), await harness.agent("second")
    assignment = await take(first)
    assert assignment.self_fence_secs is not None
    assert assignment.self_fence_secs * 1.01 + 10 < 60
    await lose(harness, assignment)
    run = await harness.row("runs", launched.run_id)
    assert (run["status"], run["lost"], run["open_executions"]) == ("running", 0, 1)
    again = await take(second)
    assert (again.attempt_number, again.run_id) == (2, launched.run_id)
    await second.finish(again)
    run = await harness.row("runs", launched.run_id)
    assert (run["status"], run["lost"], run["succeeded"]) == ("succeeded", 0, 1)
    lost, done = await attempts(harness, launched.run_id)
    assert (lost["status"], done["status"], done["retry_of"]) == ("lost", "succeeded", lost["id"])


async def test_the_late_result_of_what_runs_again_is_stale(harness: Harness) -> None:
    launched = await harness.trigger(await harness.job(**RETRY))
    agent = await harness.agent()
    assignment = await take(agent)
    await lose(harness, assignment)
    assert await agent.upload(result(assignment)) == [Receipt.STALE]
    assert [a["status"] for a in await attempts(harness, launched.run_id)] == ["lost", "pending"]


async def test_an_agent_that_returns_with_what_runs_again_is_told_to_stop_it(harness: Harness) -> None:
    await harness.trigger(await harness.job(**RETRY))
    agent = await harness.agent()
    assignment = await take(agent)
    await lose(harness, assignment)
    (order,) = (await agent.heartbeat()).stop
    assert (order.execution_id, order.fence) == (assignment.execution_id, assignment.fence)


async def test_losses_are_tried_again_only_so_often(harness: Harness) -> None:
    launched = await harness.trigger(await harness.job(**RETRY, on_lost_max=2))
    agent = await harness.agent()
    for _ in range(3):
        await lose(harness, await take(agent))
        agent.running.clear()
    run = await harness.row("runs", launched.run_id)
    assert (run["status"], run["lost"], run["open_executions"]) == ("lost", 1, 0)
    assert len(await attempts(harness, launched.run_id)) == 3


async def test_losses_and_failures_have_attempts_of_their_own(harness: Harness) -> None:
    launched = await harness.trigger(await harness.job(**RETRY, on_lost_max=1, retry_max=1))
    agent = await harness.agent()
    await lose(harness, await take(agent))
    agent.running.clear()
    await agent.finish(await take(agent), "failed")
    last = await take(agent)
    assert last.attempt_number == 3
    await agent.finish(last, "failed")
    assert [a["status"] for a in await attempts(harness, launched.run_id)] == ["lost", "failed", "failed"]


async def test_the_last_loss_can_still_end_by_its_late_result(harness: Harness) -> None:
    launched = await harness.trigger(await harness.job(**RETRY, on_lost_max=1))
    agent = await harness.agent()
    await lose(harness, await take(agent))
    agent.running.clear()
    last = await take(agent)
    await lose(harness, last)
    assert await agent.finish(last) is Receipt.RECORDED
    run = await harness.row("runs", launched.run_id)
    assert (run["status"], run["lost"], run["succeeded"]) == ("succeeded", 0, 1)


async def test_an_interrupted_execution_follows_the_same_policy(harness: Harness) -> None:
    given_up = await harness.trigger(await harness.job(retry_max=5))
    agent = await harness.agent()
    await agent.finish(await take(agent), "failed", reason="interrupted")
    assert len(await attempts(harness, given_up.run_id)) == 1
    run_again = await harness.trigger(await harness.job(**RETRY))
    await agent.finish(await take(agent), "failed", reason="interrupted")
    assert (await take(agent)).run_id == run_again.run_id


async def test_what_an_agent_ended_because_it_was_cut_off_runs_again_at_once(harness: Harness) -> None:
    launched = await harness.trigger(await harness.job(**RETRY))
    agent = await harness.agent()
    await agent.finish(await take(agent), "failed", reason="self_fenced")
    assert (await take(agent)).run_id == launched.run_id


async def test_what_an_agent_forgot_runs_again_only_after_its_patience(harness: Harness) -> None:
    launched = await harness.trigger(await harness.job(**RETRY))
    agent = await harness.agent()
    assignment = await take(agent)
    await harness.connection.execute("UPDATE leases SET handed_at = now() - interval '1 minute'")
    agent.running.clear()
    await agent.poll(wait_secs=0.1, seq=agent.seq + 5)
    await harness.eventually(
        "SELECT reason FROM executions WHERE id = $1", assignment.execution_id, equals="agent_forgot"
    )
    waits = "SELECT extract(epoch FROM ready_at - now()) > 55 FROM queue WHERE run_id = $1"
    await harness.eventually(waits, launched.run_id, equals=True)


async def test_a_cancelled_execution_that_is_lost_does_not_run_again(harness: Harness) -> None:
    launched = await harness.trigger(await harness.job(**RETRY))
    assignment = await take(await harness.agent())
    await harness.engine.canceller.cancel_execution(assignment.execution_id, by=harness.admin)
    await lose(harness, assignment)
    assert [a["status"] for a in await attempts(harness, launched.run_id)] == ["lost"]


async def test_a_cancelled_execution_that_its_agent_forgot_does_not_run_again(harness: Harness) -> None:
    launched = await harness.trigger(await harness.job(**RETRY))
    agent = await harness.agent()
    assignment = await take(agent)
    await harness.engine.canceller.cancel_execution(assignment.execution_id, by=harness.admin)
    await harness.connection.execute("UPDATE leases SET handed_at = now() - interval '1 minute'")
    agent.running.clear()
    await agent.poll(wait_secs=0.1, seq=agent.seq + 5)
    await harness.eventually("SELECT status FROM runs WHERE id = $1", launched.run_id, equals="lost")
    assert [a["reason"] for a in await attempts(harness, launched.run_id)] == ["agent_forgot"]


async def test_what_a_simple_agent_had_does_not_run_again(harness: Harness) -> None:
    agent = await harness.agent("simple", agent_type="custom")
    launched = await harness.trigger(
        await harness.job(**RETRY, target={"type": "agent", "agent_id": str(agent.id)})
    )
    item = await harness.engine.desk.next_simple(agent.id, 5)
    assert item is not None
    await harness.connection.execute("UPDATE leases SET expires_at = now() - interval '2 minutes'")
    await harness.eventually("SELECT status FROM runs WHERE id = $1", launched.run_id, equals="lost")


async def test_a_lost_execution_that_still_runs_is_left_running_and_its_result_counts(
    harness: Harness,
) -> None:
    launched = await harness.trigger(await harness.job(lost_after_secs=60))
    agent = await harness.agent()
    assignment = await take(agent)
    await lose(harness, assignment)
    orders = await agent.poll(wait_secs=0.2)
    assert (orders.stop, orders.executions) == ([], [])
    assert (await agent.heartbeat()).stop == []
    (lost,) = await attempts(harness, launched.run_id)
    assert (lost["status"], lost["message"]) == (
        "lost",
        "its agent is back and still has it; the result will replace this",
    )
    found = "SELECT count(*) FROM events WHERE kind = 'execution.found'"
    assert await harness.connection.fetchval(found) == 1
    assert await agent.finish(assignment) is Receipt.RECORDED
    (done,) = await attempts(harness, launched.run_id)
    assert done["message"] is None
    run = await harness.row("runs", launched.run_id)
    assert (run["status"], run["lost"]) == ("succeeded", 0)


async def test_what_ended_meanwhile_is_stopped_when_its_agent_still_has_it(harness: Harness) -> None:
    await harness.trigger(await harness.job())
    agent = await harness.agent()
    assignment = await take(agent)
    await agent.finish(assignment)
    agent.running = [Held(execution_id=assignment.execution_id, fence=assignment.fence)]
    (order,) = (await agent.heartbeat()).stop
    assert order.why == "already succeeded"


async def test_a_newer_process_of_the_agent_keeps_what_it_names(harness: Harness) -> None:
    await harness.trigger(await harness.job())
    older = await harness.agent()
    assignment = await take(older)
    newer = await harness.agent()
    newer.running = list(older.running)
    answer = await newer.poll(wait_secs=0.1)
    assert (answer.executions, answer.stop) == ([], [])
    assert await newer.finish(assignment) is Receipt.RECORDED


async def test_what_a_removed_agent_had_is_lost(harness: Harness) -> None:
    given_up = await harness.trigger(await harness.job())
    agent = await harness.agent()
    await take(agent)
    run_again = await harness.trigger(await harness.job(**RETRY))
    await take(agent)
    await harness.engine.desk.remove(agent.id, by=harness.admin)
    assert (await harness.row("runs", given_up.run_id))["reason"] == "agent_removed"
    lost, pending = await attempts(harness, run_again.run_id)
    assert (lost["status"], lost["reason"], pending["status"]) == ("lost", "agent_removed", "pending")
    waits = "SELECT ready_at > now() + interval '55 s' FROM queue WHERE run_id = $1"
    assert await harness.connection.fetchval(waits, run_again.run_id)


async def test_patient_jobs_do_not_hide_the_losses_of_others(harness: Harness) -> None:
    """More leases have run out than are looked at together, and all but one belong to a job that waits for days."""
    agent = await harness.agent()
    launched = await harness.trigger(await harness.job(lost_after_secs=60))
    await agent.poll()
    patient = await harness.job(lost_after_secs=7 * 86_400)
    await harness.connection.execute(
        "INSERT INTO leases (execution_id, agent_id, fence, run_id, job_id, job_version, attempt_number, expires_at) "
        "SELECT lpad(to_hex(n), 32, '0')::uuid, $1, 1, $2, $2, 1, 1, now() FROM generate_series(1, 2500) AS n",
        agent.id,
        patient,
    )
    await harness.connection.execute("UPDATE leases SET expires_at = now() - interval '2 minutes'")
    await harness.eventually("SELECT status FROM runs WHERE id = $1", launched.run_id, equals="lost")
    left = "SELECT count(*) FROM leases WHERE job_id = $1"
    assert await harness.connection.fetchval(left, patient) == 2500


async def test_an_agent_that_is_back_at_the_last_moment_loses_nothing(
    harness: Harness, database_url: str
) -> None:
    """Its lease is renewed while somebody is about to declare its work lost."""
    await harness.trigger(await harness.job(**RETRY))
    assignment = await take(await harness.agent())
    held = await asyncpg.connect(database_url)
    nobody_looks = held.transaction()
    await nobody_looks.start()
    await held.execute("SELECT FROM brake FOR UPDATE")
    await harness.connection.execute("UPDATE leases SET expires_at = now() - interval '2 minutes'")
    async with harness.connection.transaction():
        await harness.connection.execute("UPDATE leases SET expires_at = now() + interval '10 minutes'")
        await nobody_looks.rollback()
        waits = (
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() "
            "AND wait_event_type = 'Lock' AND query LIKE $1)"
        )
        async with asyncio.timeout(30):
            while not await held.fetchval(waits, "%FROM leases%FOR UPDATE%"):
                await asyncio.sleep(0.02)
    await held.close()
    swept_at = await harness.connection.fetchval("SELECT swept_at FROM brake")
    await harness.eventually("SELECT swept_at > $1::timestamptz FROM brake", swept_at, equals=True)
    assert (await harness.row("executions", assignment.execution_id))["status"] == "running"
