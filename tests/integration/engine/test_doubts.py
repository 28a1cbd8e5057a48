"""Nothing that a lost part of the database may have handed out runs again in silence.

The lost part is played by forgetting: what an agent was handed goes back to the queue as if it had never left it.
"""

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner
from tests.integration.engine.conftest import FakeAgent, Harness, result

from tocsin_controller.cli import main
from tocsin_controller.recovery import begin_epoch
from tocsin_shared.errors import NotFound
from tocsin_shared.protocol import Assignment, Receipt, SimpleResult, epoch_of

FORGET = """
    WITH forgotten AS (DELETE FROM leases RETURNING *), again AS (
        UPDATE executions SET status = 'pending', agent_id = NULL, fence = 0, started_at = NULL
        WHERE id IN (SELECT execution_id FROM forgotten)
    ), run AS (
        UPDATE runs SET status = 'pending', started_at = NULL WHERE id IN (SELECT run_id FROM forgotten)
    )
    INSERT INTO queue (execution_id, route, priority, expires_at, run_id, job_id, job_version, attempt_number)
    SELECT execution_id, 'any:noop', 3, now() + interval '1 hour', run_id, job_id, job_version, attempt_number
    FROM forgotten
"""
STATUS = "SELECT status FROM executions WHERE id = $1"


async def handed_out_and_forgotten(
    harness: Harness, *, keep_queue: bool = False, **job: Any
) -> tuple[FakeAgent, Assignment]:
    """An agent has it, but the database went back to before that; a new epoch has begun."""
    agent = await harness.agent()
    await harness.trigger(await harness.job(**job))
    (assignment,) = (await agent.poll()).executions
    await agent.start(assignment)
    await harness.connection.execute(FORGET)
    await begin_epoch(harness.db, why="a test", keep_queue=keep_queue)
    return agent, assignment


async def its_time_is_over(harness: Harness) -> None:
    """Nobody came back with anything for longer than any job's patience."""
    await harness.connection.execute("UPDATE queue SET uncertain_since = uncertain_since - interval '1 hour'")


async def run_of(harness: Harness, execution_id: UUID) -> tuple[str, str | None, int]:
    row = await harness.connection.fetchrow(
        "SELECT status, reason, open_executions FROM runs "
        "WHERE id = (SELECT run_id FROM executions WHERE id = $1)",
        execution_id,
    )
    return row["status"], row["reason"], row["open_executions"]


async def test_an_agent_that_polls_with_it_keeps_it(harness: Harness) -> None:
    agent, assignment = await handed_out_and_forgotten(harness)
    answer = await agent.poll(wait_secs=0.2, seq=agent.seq + 5)
    assert (answer.stop, answer.executions) == ([], [])
    row = await harness.row("executions", assignment.execution_id)
    assert (row["status"], row["agent_id"], row["fence"]) == ("running", agent.id, assignment.fence)
    assert await agent.finish(assignment) is Receipt.RECORDED
    assert await run_of(harness, assignment.execution_id) == ("succeeded", None, 0)


async def test_an_agent_that_shows_life_with_it_keeps_it(harness: Harness) -> None:
    agent, assignment = await handed_out_and_forgotten(harness)
    assert (await agent.heartbeat()).stop == []
    assert await harness.connection.fetchval(STATUS, assignment.execution_id) == "running"


async def test_a_result_that_was_not_delivered_yet_is_recorded(harness: Harness) -> None:
    agent, assignment = await handed_out_and_forgotten(harness)
    assert await agent.finish(assignment, "failed", exit_code=3, reason="exit_code") is Receipt.RECORDED
    row = await harness.row("executions", assignment.execution_id)
    assert (row["status"], row["exit_code"], row["agent_id"]) == ("failed", 3, agent.id)
    assert await run_of(harness, assignment.execution_id) == ("failed", "exit_code", 0)
    assert await harness.connection.fetchval("SELECT count(*) FROM leases") == 0


async def test_a_start_that_was_not_delivered_yet_is_recorded(harness: Harness) -> None:
    agent, assignment = await handed_out_and_forgotten(harness)
    assert await agent.start(assignment) is Receipt.RECORDED
    assert await harness.connection.fetchval(STATUS, assignment.execution_id) == "running"


async def test_nobody_else_gets_it_meanwhile(harness: Harness) -> None:
    await handed_out_and_forgotten(harness)
    other = await harness.agent("other")
    assert (await other.poll(wait_secs=1.5)).executions == []


async def test_an_agent_that_could_not_have_got_it_gets_nothing(harness: Harness) -> None:
    _, assignment = await handed_out_and_forgotten(harness)
    stranger = await harness.agent("stranger", types=("shell",))
    assert await stranger.upload(result(assignment)) == [Receipt.UNKNOWN]
    assert await harness.connection.fetchval(STATUS, assignment.execution_id) == "pending"


async def test_a_right_of_the_epoch_that_began_was_not_handed_out_by_the_lost_part(harness: Harness) -> None:
    agent, assignment = await handed_out_and_forgotten(harness)
    invented = assignment.model_copy(update={"fence": (1 << 40) + 1})
    assert await agent.upload(result(invented)) == [Receipt.UNKNOWN]
    assert await harness.connection.fetchval(STATUS, assignment.execution_id) == "pending"


async def test_what_nobody_comes_back_with_is_lost(harness: Harness) -> None:
    agent, assignment = await handed_out_and_forgotten(harness)
    agent.running.clear()
    await its_time_is_over(harness)
    await harness.eventually(STATUS, assignment.execution_id, equals="lost")
    assert await run_of(harness, assignment.execution_id) == ("lost", "epoch_changed", 0)
    told = "SELECT count(*) FROM events WHERE kind = 'execution.completed' AND execution_id = $1"
    assert await harness.connection.fetchval(told, assignment.execution_id) == 1
    assert (await agent.poll(wait_secs=1.5)).executions == []


async def test_what_nobody_comes_back_with_is_tried_again_where_the_job_says_so(harness: Harness) -> None:
    agent, assignment = await handed_out_and_forgotten(harness, on_lost="retry", retry_delay_secs=0)
    agent.running.clear()
    await its_time_is_over(harness)
    (again,) = (await agent.poll()).executions
    assert (again.run_id, again.attempt_number) == (assignment.run_id, 2)
    assert again.execution_id != assignment.execution_id
    assert epoch_of(again.fence) == 1
    assert await agent.upload(result(assignment)) != [Receipt.RECORDED]
    assert await harness.connection.fetchval(STATUS, assignment.execution_id) == "lost"
    await agent.finish(again)
    assert (await run_of(harness, again.execution_id))[0] == "succeeded"


async def test_it_does_not_fail_for_want_of_an_agent(harness: Harness) -> None:
    agent, assignment = await handed_out_and_forgotten(harness)
    await harness.connection.execute("UPDATE queue SET expires_at = now() - interval '1 hour'")
    other = await harness.job(queue_timeout_secs=1, target={"type": "tagged", "tag": "nowhere"})
    launched = await harness.trigger(other)
    await harness.eventually("SELECT status FROM runs WHERE id = $1", launched.run_id, equals="failed")
    assert await agent.start(assignment) is Receipt.RECORDED


async def test_what_was_offered_before_the_epoch_is_not_offered_again(harness: Harness) -> None:
    agent = await harness.agent()
    launched = await harness.trigger(await harness.job())
    agent.seq += 1
    await agent.poll_unheard()
    await begin_epoch(harness.db, why="a test")
    await harness.connection.execute("UPDATE leases SET handed_at = now() - interval '1 minute'")
    assert (await agent.poll(wait_secs=0.5)).executions == []
    await harness.eventually("SELECT reason FROM runs WHERE id = $1", launched.run_id, equals="agent_forgot")


async def test_work_queued_afterwards_is_not_touched(harness: Harness) -> None:
    agent, _ = await handed_out_and_forgotten(harness)
    launched = await harness.trigger(await harness.job())
    (fresh,) = (await agent.poll()).executions
    assert fresh.run_id == launched.run_id


async def test_a_retry_whose_time_had_not_come_was_not_handed_out(harness: Harness) -> None:
    agent = await harness.agent()
    await harness.trigger(await harness.job(retry_max=1, retry_delay_secs=60))
    (first,) = (await agent.poll()).executions
    await agent.finish(first, "failed", exit_code=1, reason="exit_code")
    assert (await begin_epoch(harness.db, why="a test")).doubted == 0
    await harness.connection.execute("UPDATE queue SET ready_at = now()")
    harness.engine.hints.hint("timers")
    assert (await agent.poll()).executions[0].attempt_number == 2


async def test_a_retry_whose_time_had_come_may_have_been_handed_out(harness: Harness) -> None:
    await harness.trigger(await harness.job())
    await harness.connection.execute("UPDATE queue SET ready_at = now() - interval '1 second'")
    assert (await begin_epoch(harness.db, why="a test")).doubted == 1


async def test_a_second_epoch_doubts_it_anew(harness: Harness) -> None:
    agent, assignment = await handed_out_and_forgotten(harness)
    await harness.connection.execute("UPDATE queue SET uncertain_since = now() - interval '290 seconds'")
    assert (await begin_epoch(harness.db, why="once more")).doubted == 1
    assert await harness.connection.fetchval("SELECT now() - uncertain_since < '1 minute' FROM queue")
    assert await agent.start(assignment) is Receipt.RECORDED


async def test_what_a_third_party_agent_may_have_is_not_tried_again(harness: Harness) -> None:
    simple = await harness.agent("simple", agent_type="custom")
    target = {"type": "agent", "agent_id": str(simple.id)}
    launched = await harness.trigger(await harness.job(on_lost="retry", target=target))
    await begin_epoch(harness.db, why="a test")
    await its_time_is_over(harness)
    await harness.eventually("SELECT reason FROM runs WHERE id = $1", launched.run_id, equals="epoch_changed")


async def test_a_queue_that_nothing_was_handed_out_of_can_be_kept(harness: Harness) -> None:
    launched = await harness.trigger(await harness.job())
    assert (await begin_epoch(harness.db, why="a test", keep_queue=True)).doubted == 0
    (taken,) = (await (await harness.agent()).poll()).executions
    assert taken.run_id == launched.run_id


@pytest.mark.parametrize(("options", "doubted"), [([], 1), (["--keep-queue"], 0)])
async def test_the_commands_say_how_much_is_uncertain(
    harness: Harness, database_url: str, tmp_path: Path, options: list[str], doubted: int
) -> None:
    await harness.trigger(await harness.job())
    file, said = str(tmp_path / "backup.zip"), f"may have been handed out: {doubted}\n"
    database = ["--database-url", database_url]
    assert (await run("backup", file, *database)).startswith("backed up")
    assert said in await run("restore", "--force", file, *database, *options)
    assert said in await run("epoch", "bump", *database, *options)


async def run(*words: str) -> str:
    """What the command says; in a thread, because it has a loop of its own."""
    done = await asyncio.to_thread(CliRunner().invoke, main, list(words))
    assert done.exit_code == 0, done.output
    return done.output


async def test_a_third_party_agent_reports_what_the_lost_part_handed_to_it(harness: Harness) -> None:
    simple = await harness.agent("simple", agent_type="custom")
    target = {"type": "agent", "agent_id": str(simple.id)}
    launched = await harness.trigger(await harness.job(target=target))
    await begin_epoch(harness.db, why="a test")
    await harness.eventually("SELECT count(*) FROM brake WHERE swept_at > now() - interval '2 s'", equals=1)
    (execution_id,) = launched.execution_ids
    report = SimpleResult.model_validate(
        {"execution_id": execution_id, "agent_id": simple.id, "status": "success", "stdout": "done"}
    )
    await harness.engine.desk.simple_result(harness.admin, report)
    assert await harness.connection.fetchval(STATUS, execution_id) == "succeeded"
    await harness.engine.desk.simple_result(harness.admin, report)


async def test_a_third_party_agent_can_not_report_what_only_waits(harness: Harness) -> None:
    simple = await harness.agent("simple", agent_type="custom")
    target = {"type": "agent", "agent_id": str(simple.id)}
    (execution_id,) = (await harness.trigger(await harness.job(target=target))).execution_ids
    report = SimpleResult.model_validate(
        {"execution_id": execution_id, "agent_id": simple.id, "status": "success"}
    )
    with pytest.raises(NotFound):
        await harness.engine.desk.simple_result(harness.admin, report)
    assert await harness.connection.fetchval(STATUS, execution_id) == "pending"
