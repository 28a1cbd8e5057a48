"""Approval over HTTP: nothing runs before somebody says so, and one decision is made."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
from tests.integration.api.conftest import Api, Worker, new_worker

WAITING = "pending_approval"


async def waiting(api: Api, **definition: Any) -> tuple[dict[str, Any], str]:
    """A job and the execution of it that waits for approval."""
    job = await api.job(approval_required=True, **definition)
    answer = await api.post(f"/api/jobs/{job['id']}/trigger")
    assert answer["message"] == "job awaiting approval"
    return job, answer["execution_ids"][0]


async def execution(api: Api, execution_id: str) -> dict[str, Any]:
    return dict(await api.get(f"/api/executions/{execution_id}"))


async def run_of(api: Api, execution_id: str) -> dict[str, Any]:
    run_id = (await execution(api, execution_id))["run_id"]
    return dict(await api.get(f"/api/runs/{run_id}"))


async def kinds(api: Api, job: dict[str, Any]) -> list[str]:
    page = await api.get("/api/events?per_page=100")
    return [event["kind"] for event in reversed(page["data"]) if event["job_id"] == job["id"]]


async def ended(api: Api, execution_id: str) -> dict[str, Any]:
    for _ in range(600):
        found = await execution(api, execution_id)
        if found["finished_at"]:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError("it did not end")


async def test_the_approved_execution_itself_runs(api: Api, worker: Worker) -> None:
    job, execution_id = await waiting(api)
    assert (await execution(api, execution_id))["status"] == WAITING
    assert (await run_of(api, execution_id))["approval"]["status"] == "pending"
    answer = await api.as_role("operator").post(
        f"/api/executions/{execution_id}/approve", {"note": "looks good"}
    )
    assert answer["execution_id"] == execution_id
    (handed,) = await worker.take()
    assert handed["execution_id"] == execution_id
    await worker.finish(handed)
    run = await run_of(api, execution_id)
    assert (run["status"], len(run["executions"])) == ("succeeded", 1)
    decision = run["approval"]
    assert (decision["status"], decision["by"], decision["note"]) == (
        "approved",
        "test-operator",
        "looks good",
    )
    assert (await kinds(api, job))[1:] == [
        "job.pending_approval", "job.triggered", "execution.approved", "execution.completed",
    ]  # fmt: skip


async def test_a_rejected_run_is_cancelled_and_says_by_whom(api: Api) -> None:
    job, execution_id = await waiting(api, retry_max=3)
    await api.post(f"/api/executions/{execution_id}/reject", {"note": "no"})
    found = await execution(api, execution_id)
    assert (found["status"], found["reason"]) == ("cancelled", "rejected")
    assert found["message"] == "rejected by test-admin: no"
    run = await run_of(api, execution_id)
    assert (run["status"], run["reason"], len(run["executions"])) == ("cancelled", "rejected", 1)
    assert "execution.rejected" in await kinds(api, job)


async def test_what_does_not_wait_is_refused(api: Api) -> None:
    _, execution_id = await waiting(api)
    await api.post(f"/api/executions/{execution_id}/reject")
    for verb in ("approve", "reject"):
        assert (await api.call("POST", f"/api/executions/{execution_id}/{verb}")).status == 400
        unknown = "0198d2c1-7c3a-7b1e-9d55-3f6a1c2b4d5e"
        assert (await api.call("POST", f"/api/executions/{unknown}/{verb}")).status == 404
        viewer = api.as_role("viewer")
        assert (await viewer.call("POST", f"/api/executions/{execution_id}/{verb}")).status == 403


async def test_a_repeated_approval_gets_the_same_answer(api: Api) -> None:
    _, execution_id = await waiting(api)
    path, key = f"/api/executions/{execution_id}/approve", {"Idempotency-Key": "once"}
    assert await api.post(path, headers=key) == await api.post(path, headers=key)


async def test_of_many_decisions_at_once_one_is_made(api: Api, connection: asyncpg.Connection) -> None:
    for _ in range(5):
        _, execution_id = await waiting(api)
        answers = await asyncio.gather(
            *(
                api.call("POST", f"/api/executions/{execution_id}/{verb}")
                for verb in ["approve", "reject"] * 4
            ),
            api.call("POST", f"/api/executions/{execution_id}/cancel"),
        )
        decisions = sorted(answer.status for answer in answers[:-1])
        assert decisions in ([200] + [400] * 7, [400] * 8)
        found = await execution(api, execution_id)
        queued = await connection.fetchval(
            "SELECT count(*) FROM queue WHERE execution_id = $1", UUID(execution_id)
        )
        assert (found["status"], queued) in (("pending", 1), ("cancelled", 0))
        asked = "SELECT count(*) FROM approvals WHERE run_id = $1"
        assert await connection.fetchval(asked, UUID(found["run_id"])) == 0


async def test_one_approval_lets_a_run_on_all_agents_go(api: Api) -> None:
    workers = [await new_worker(api, name) for name in ("a", "b")]
    job = await api.job(target={"type": "all"}, approval_required=True)
    first, second = (await api.post(f"/api/jobs/{job['id']}/trigger"))["execution_ids"]
    await api.post(f"/api/executions/{first}/approve")
    handed = [execution for worker in workers for execution in await worker.take()]
    assert {one["execution_id"] for one in handed} == {first, second}


async def test_a_cancelled_part_of_a_run_is_not_let_go_with_the_rest(api: Api) -> None:
    workers = [await new_worker(api, name) for name in ("a", "b")]
    job = await api.job(target={"type": "all"}, approval_required=True)
    first, second = (await api.post(f"/api/jobs/{job['id']}/trigger"))["execution_ids"]
    await api.post(f"/api/executions/{first}/cancel")
    assert (await run_of(api, first))["status"] == "pending"
    assert (await api.call("POST", f"/api/executions/{first}/approve")).status == 400
    assert (await api.post(f"/api/executions/{second}/approve"))["execution_ids"] == [second]
    handed = [e for worker in workers for e in await worker.take(wait_secs=0.5)]
    assert [one["execution_id"] for one in handed] == [second]


async def test_a_run_that_waits_can_be_cancelled_or_go_with_its_job(
    api: Api, connection: asyncpg.Connection
) -> None:
    _, execution_id = await waiting(api)
    run = await run_of(api, execution_id)
    await api.post(f"/api/runs/{run['id']}/cancel")
    run = await run_of(api, execution_id)
    assert (run["status"], run["approval"]["status"]) == ("cancelled", "cancelled")
    job, execution_id = await waiting(api)
    await api.delete(f"/api/jobs/{job['id']}")
    assert (await execution(api, execution_id))["reason"] == "job_deleted"
    assert await connection.fetchval("SELECT count(*) FROM approvals") == 0


async def test_a_scheduled_run_waits_and_expires_without_approval(api: Api) -> None:
    job = await api.job(
        schedule={"type": "cron", "value": "* * * * * *"}, approval_required=True, approval_expires_secs=1
    )
    for _ in range(600):
        page = await api.get(f"/api/jobs/{job['id']}/executions")
        if page["data"]:
            break
        await asyncio.sleep(0.05)
    await api.put(f"/api/jobs/{job['id']}", {"status": "paused"})
    found = await ended(api, page["data"][-1]["id"])
    assert (found["status"], found["reason"]) == ("cancelled", "approval_expired")
    assert found["triggered_by"] == {"type": "scheduler"}
    assert found["approval"]["status"] == "expired"
    assert "execution.approval_expired" in await kinds(api, job)


async def test_what_was_approved_in_a_blackout_waits_for_its_end_unless_somebody_asked_for_it(
    api: Api, worker: Worker, connection: asyncpg.Connection
) -> None:
    await api.post("/api/calendars", {"name": "freeze", "windows": []})
    on_event = {"type": "event", "value": {"kind_pattern": "variable.created"}}
    job, by_hand = await waiting(api, schedule=on_event, blackouts=["freeze"], queue_timeout_secs=60)
    await api.post("/api/variables", {"name": "A", "value": "1"})
    query = "SELECT id FROM executions WHERE job_id = $1 AND id <> $2"
    while (due := await connection.fetchval(query, UUID(job["id"]), UUID(by_hand))) is None:
        await asyncio.sleep(0.02)
    window = {"starts_at": "2020-01-01T00:00:00Z", "ends_at": "2090-01-01T00:00:00Z", "policy": "defer"}
    await api.put("/api/calendars/freeze", {"windows": [window]})

    answer = await api.post(f"/api/executions/{due}/approve")
    assert answer["message"].startswith("execution approved; it waits until 2090-01-01 00:00:00 UTC: ")
    run = await run_of(api, str(due))
    assert (run["status"], run["reason"]) == ("pending", "blackout")
    why = await api.get(f"/api/runs/{run['id']}/explain")
    assert any("waits for the end of a blackout" in finding["message"] for finding in why["findings"])
    assert (await execution(api, str(due)))["reason"] is None  # it would still say so when it runs

    answer = await api.post(f"/api/executions/{by_hand}/approve")
    assert answer["message"] == "execution approved"
    (handed,) = await worker.take()
    assert handed["execution_id"] == by_hand
    await worker.finish(handed)
    await connection.execute("UPDATE queue SET ready_at = now()")
    (handed,) = await worker.take()
    assert handed["execution_id"] == str(due)


async def test_nothing_is_approved_while_a_calendar_can_t_be_read(
    api: Api, connection: asyncpg.Connection
) -> None:
    await api.post("/api/calendars", {"name": "freeze", "windows": []})
    _, execution_id = await waiting(api, blackouts=["freeze"])
    run_id = (await execution(api, execution_id))["run_id"]
    by_schedule = """UPDATE runs SET trigger = '{"type": "scheduler"}' WHERE id = $1"""
    await connection.execute(by_schedule, UUID(run_id))
    await connection.execute("""UPDATE calendars SET definition = '{"windows": 7}', updated_at = now()""")
    answer = await api.call("POST", f"/api/executions/{execution_id}/approve")
    assert answer.status == 409
    assert "can't read the calendar 'freeze'" in answer.json["error"]
    assert (await execution(api, execution_id))["status"] == WAITING
    await api.put("/api/calendars/freeze", {"windows": []})
    await api.post(f"/api/executions/{execution_id}/approve")
