"""Results are written once, late ones correct `lost`, failures are retried (G3, G4, G5, G7)."""

import asyncio

import pytest
from tests.integration.engine.conftest import Harness, result, started

from tocsin_shared.errors import Unavailable
from tocsin_shared.executions import FINAL_STATUSES, TRANSITIONS, ExecutionStatus
from tocsin_shared.protocol import OutputEvent, Receipt


async def test_the_same_result_twice_has_no_further_effect(harness: Harness) -> None:
    await harness.trigger(await harness.job(retry_max=3))
    agent = await harness.agent()
    (assignment,) = (await agent.poll()).executions
    ending = result(assignment, "failed", exit_code=3, reason="exit_code")
    assert await agent.upload(ending) == [Receipt.RECORDED]
    assert await agent.upload(ending, ending) == [Receipt.DUPLICATE, Receipt.DUPLICATE]
    count = "SELECT count(*) FROM executions"
    assert await harness.connection.fetchval(count) == 2
    completed = "SELECT count(*) FROM events WHERE kind = 'execution.completed'"
    assert await harness.connection.fetchval(completed) == 1


async def test_a_failure_is_not_tried_again_when_the_job_was_deleted_meanwhile(harness: Harness) -> None:
    job = await harness.job(retry_max=3)
    launched = await harness.trigger(job)
    agent = await harness.agent()
    (assignment,) = (await agent.poll()).executions
    await harness.connection.execute("DELETE FROM jobs WHERE id = $1", job)
    assert await agent.upload(result(assignment, "failed", exit_code=3)) == [Receipt.RECORDED]
    assert (await harness.row("runs", launched.run_id))["status"] == "failed"
    assert await harness.connection.fetchval("SELECT count(*) FROM queue") == 0


async def test_the_same_result_twice_in_one_batch_counts_once(harness: Harness) -> None:
    launched = await harness.trigger(await harness.job())
    agent = await harness.agent()
    (assignment,) = (await agent.poll()).executions
    ending = result(assignment)
    receipts = await asyncio.gather(agent.upload(ending), agent.upload(ending), agent.upload(ending))
    assert sorted(r for (r,) in receipts) == [Receipt.DUPLICATE, Receipt.DUPLICATE, Receipt.RECORDED]
    assert (await harness.row("runs", launched.run_id))["succeeded"] == 1


async def test_output_is_kept_by_offset_and_repeats_change_nothing(harness: Harness) -> None:
    await harness.trigger(await harness.job())
    agent = await harness.agent()
    (a,) = (await agent.poll()).executions

    def chunk(seq: int, offset: int, data: str) -> OutputEvent:
        return OutputEvent(
            type="output",
            execution_id=a.execution_id,
            fence=a.fence,
            seq=seq,
            stream="stdout",
            offset=offset,
            data=data,
        )

    binary = OutputEvent(
        type="output",
        execution_id=a.execution_id,
        fence=a.fence,
        seq=4,
        stream="stderr",
        offset=0,
        data_base64="/wAB",
    )
    await agent.upload(started(a), chunk(2, 0, "hello "), chunk(3, 6, "world"), binary)
    await agent.upload(chunk(2, 0, "hello "), result(a, stdout_bytes=11, stderr_bytes=3))
    rows = await harness.connection.fetch(
        "SELECT stream, start_offset, data FROM execution_output WHERE execution_id = $1 ORDER BY seq",
        a.execution_id,
    )
    assert [(r["stream"], r["start_offset"], r["data"]) for r in rows] == [
        (1, 0, b"hello "),
        (1, 6, b"world"),
        (2, 0, b"\xff\x00\x01"),
    ]


async def test_an_execution_is_lost_when_its_agent_stays_silent(harness: Harness) -> None:
    launched = await harness.trigger(await harness.job(lost_after_secs=60))
    agent = await harness.agent()
    (a,) = (await agent.poll()).executions
    await agent.start(a)
    await harness.connection.execute("UPDATE leases SET expires_at = now() - interval '2 minutes'")
    await harness.eventually("SELECT status FROM executions WHERE id = $1", a.execution_id, equals="lost")
    run = await harness.row("runs", launched.run_id)
    assert (run["status"], run["reason"], run["lost"]) == ("lost", "agent_lost", 1)


async def test_a_late_result_replaces_lost_while_its_fence_is_newest(harness: Harness) -> None:
    launched = await harness.trigger(await harness.job(lost_after_secs=60, retry_max=5))
    agent = await harness.agent()
    (a,) = (await agent.poll()).executions
    await harness.connection.execute("UPDATE leases SET expires_at = now() - interval '2 minutes'")
    await harness.eventually("SELECT status FROM executions WHERE id = $1", a.execution_id, equals="lost")
    assert await agent.upload(result(a.model_copy(update={"fence": a.fence - 1}))) == [Receipt.STALE]
    assert await agent.finish(a, "succeeded") is Receipt.RECORDED
    run = await harness.row("runs", launched.run_id)
    assert (run["status"], run["lost"], run["succeeded"], run["reason"]) == ("succeeded", 0, 1, None)
    assert await agent.upload(result(a, "failed")) == [Receipt.DUPLICATE]


async def test_a_renewed_lease_is_not_lost(harness: Harness) -> None:
    await harness.trigger(await harness.job(lost_after_secs=60))
    agent = await harness.agent()
    (a,) = (await agent.poll()).executions
    await agent.start(a)
    await harness.connection.execute("UPDATE leases SET expires_at = now() - interval '5 seconds'")
    await agent.heartbeat()
    renewed = "SELECT expires_at > now() FROM leases WHERE execution_id = $1"
    await harness.eventually(renewed, a.execution_id, equals=True)


async def test_an_agent_that_falls_silent_is_offline_once_and_comes_back(harness: Harness) -> None:
    agent = await harness.agent()
    status = "SELECT status FROM agents WHERE id = $1"
    await harness.eventually(status, agent.id, equals="offline")
    await agent.heartbeat()
    await harness.eventually(status, agent.id, equals="online")
    kinds = "SELECT count(*) FROM events WHERE kind = 'agent.offline'"
    assert await harness.connection.fetchval(kinds) == 1


async def test_failures_are_retried_and_the_run_follows_the_last_attempt(harness: Harness) -> None:
    launched = await harness.trigger(await harness.job(retry_max=2))
    agent = await harness.agent()
    lineage = []
    for status in ("failed", "timed_out", "succeeded"):
        (a,) = (await agent.poll()).executions
        lineage.append(a)
        await agent.finish(a, status, reason=None if status == "succeeded" else "exit_code")
    assert [a.attempt_number for a in lineage] == [1, 2, 3]
    run = await harness.row("runs", launched.run_id)
    assert (run["status"], run["failed"], run["succeeded"], run["open_executions"]) == ("succeeded", 0, 1, 0)
    last = await harness.row("executions", lineage[-1].execution_id)
    assert last["retry_of"] == lineage[1].execution_id


async def test_a_retry_waits_its_time(harness: Harness) -> None:
    await harness.trigger(await harness.job(retry_max=1, retry_delay_secs=1))
    agent = await harness.agent()
    (a,) = (await agent.poll()).executions
    await agent.finish(a, "failed", reason="exit_code")
    assert (await agent.poll(wait_secs=0.4)).executions == []
    (again,) = (await agent.poll(wait_secs=5)).executions
    assert again.attempt_number == 2


async def test_a_cancelled_execution_is_not_retried(harness: Harness) -> None:
    launched = await harness.trigger(await harness.job(retry_max=5))
    agent = await harness.agent()
    (a,) = (await agent.poll()).executions
    await agent.start(a)
    await harness.engine.canceller.cancel_run(launched.run_id, by=harness.admin)
    await agent.finish(a, "failed", reason="signal")
    assert (await harness.row("runs", launched.run_id))["status"] == "failed"
    assert await harness.connection.fetchval("SELECT count(*) FROM queue") == 0


async def test_a_result_that_had_to_wait_too_long_for_a_lock_is_to_be_sent_again(harness: Harness) -> None:
    await harness.trigger(await harness.job())
    agent = await harness.agent()
    (a,) = (await agent.poll()).executions
    async with harness.connection.transaction():
        await harness.connection.fetch("SELECT FROM leases FOR UPDATE")
        uploading = asyncio.create_task(agent.upload(result(a)))
        cancelled = "SELECT count(pg_cancel_backend(pid)) FROM pg_locks WHERE NOT granted"
        await harness.eventually(cancelled, equals=1)
        with pytest.raises(Unavailable):
            await uploading
    assert await agent.upload(result(a)) == [Receipt.RECORDED]


async def test_what_cannot_be_stored_harms_no_other_upload(harness: Harness) -> None:
    job = await harness.job()
    await harness.trigger(job)
    await harness.trigger(job)
    agent = await harness.agent()
    good, bad = (await agent.poll()).executions
    poison = result(bad, "failed").model_copy(
        update={"message": "NUL \x00 inside"}
    )  # validation would mend it
    answers = await asyncio.gather(agent.upload(poison), agent.upload(result(good)), return_exceptions=True)
    assert isinstance(answers[0], Exception)
    assert answers[1] == [Receipt.RECORDED]


@pytest.mark.parametrize("status", sorted(ExecutionStatus))
async def test_the_sql_allows_exactly_the_transitions_of_the_table(
    harness: Harness, status: ExecutionStatus
) -> None:
    """The guard of finish_executions.sql against the state machine (G7)."""
    from tocsin_controller.store.ending import Finish, finish_executions

    launched = await harness.trigger(await harness.job())
    (execution_id,) = launched.execution_ids
    await harness.connection.execute(
        "UPDATE executions SET status = $2 WHERE id = $1", execution_id, status.value
    )
    ending = Finish(
        execution_id, "cancelled", None, None, None, 0, None, None, 0, 0, 0, stdout_truncated=False,
        stderr_truncated=False, cpu_secs=None, peak_memory_bytes=None,
    )  # fmt: skip
    changed = await finish_executions(harness.db, [ending])
    assert bool(changed) == (ExecutionStatus.CANCELLED in TRANSITIONS[status])
    assert (status in FINAL_STATUSES - {ExecutionStatus.LOST}) == (not changed)
