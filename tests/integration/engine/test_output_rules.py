"""Results of jobs with output rules: judged once, whoever judges and whatever crashes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import asyncpg
import orjson
import pytest
from tests.integration.engine.conftest import FakeAgent, Harness, result

from tocsin_controller.engine import build_engine
from tocsin_controller.rules.process import JudgeProcess
from tocsin_controller.security.roles import Principal, Role
from tocsin_controller.security.sealing import Vault, new_key, parse_keys
from tocsin_controller.settings import ControllerSettings
from tocsin_controller.store.database import Database
from tocsin_controller.store.sealed import VARIABLES, insert_key
from tocsin_controller.store.unjudged import claim_unjudged, take_judged
from tocsin_controller.store.variables import VariableRow, insert_variable
from tocsin_controller.supervisor import supervise
from tocsin_controller.workflow.ending import Ender
from tocsin_controller.workflow.judging import MOST_CLAIMS, Judge
from tocsin_controller.workflow.notifying.defaults import FleetDefaults
from tocsin_shared.ids import new_id
from tocsin_shared.masks import VARIABLE_MASK as MASK
from tocsin_shared.protocol import Assignment, OutputEvent, Receipt


def prints(assignment: Assignment, text: str, stream: str = "stdout") -> OutputEvent:
    return OutputEvent.model_validate(
        {
            "type": "output",
            "execution_id": assignment.execution_id,
            "fence": assignment.fence,
            "seq": 2,
            "stream": stream,
            "offset": 0,
            "data": text,
        }
    )


async def taken(harness: Harness, rules: dict[str, Any], **more: Any) -> tuple[FakeAgent, Assignment]:
    """An execution of a job with these rules, in the hands of an agent."""
    agent = await harness.agent()
    await harness.trigger(await harness.job(output_rules=rules, **more))
    (assignment,) = (await agent.poll()).executions
    return agent, assignment


async def ended(harness: Harness, assignment: Assignment, status: str) -> Any:
    """The execution's row, once it has this status."""
    question = "SELECT status FROM executions WHERE id = $1"
    await harness.eventually(question, assignment.execution_id, equals=status)
    return await harness.row("executions", assignment.execution_id)


async def test_a_success_that_breaks_an_assertion_failed_and_is_not_tried_again(harness: Harness) -> None:
    rules = {"assertions": [{"pattern": "OK", "message": "health check is not OK"}, {"pattern": "rows"}]}
    agent, assignment = await taken(harness, rules, retry_max=3)
    assert await agent.start(assignment) is Receipt.RECORDED
    await agent.upload(prints(assignment, "7 rows"), result(assignment, stdout_bytes=6, exit_code=0))
    row = await ended(harness, assignment, "failed")
    assert (row["reason"], row["exit_code"]) == ("assertion_failed", 0)
    assert row["message"] == "assertion failed: health check is not OK"
    run = await harness.row("runs", row["run_id"])
    assert (run["status"], run["reason"], run["open_executions"]) == ("failed", "assertion_failed", 0)
    count = "SELECT count(*) FROM executions WHERE run_id = $1"
    assert await harness.connection.fetchval(count, row["run_id"]) == 1
    stderr = "SELECT convert_from(data, 'UTF8') FROM execution_output WHERE execution_id = $1 AND stream = 2"
    assert (
        await harness.connection.fetchval(stderr, row["id"]) == "[assertion failed] health check is not OK\n"
    )
    assert row["stderr_bytes"] == len("[assertion failed] health check is not OK\n")


async def test_values_triggers_and_lengths_of_one_result(harness: Harness) -> None:
    rules = {
        "extractions": [
            {"name": "took", "pattern": r"took (\d+)ms", "write_to_variable": "LAST_TOOK"},
            {"name": "file", "pattern": r"wrote (?P<name>\S+)", "target": "output"},
            {"name": "never", "pattern": "never"},
        ],
        "triggers": [{"pattern": "WARN", "severity": "warning"}],
        "assertions": [{"pattern": "took"}],
    }
    agent, assignment = await taken(harness, rules)
    text = "took 12ms, wrote /tmp/x"
    await agent.upload(
        prints(assignment, text),
        prints(assignment, "WARN", "stderr"),
        result(assignment, stdout_bytes=len(text), stderr_bytes=4),
    )
    row = await ended(harness, assignment, "succeeded")
    assert orjson.loads(row["extracted"]) == {"took": "12", "file": "/tmp/x"}  # noqa: S108  only printed
    variable = "SELECT value FROM variables WHERE name = 'LAST_TOOK'"
    assert await harness.connection.fetchval(variable) == "12"
    stdout = "SELECT convert_from(data, 'UTF8') FROM execution_output WHERE execution_id = $1 AND stream = 1"
    assert await harness.connection.fetchval(stdout, row["id"]) == "file: /tmp/x\n"
    assert row["stdout_bytes"] == len("file: /tmp/x\n")
    events = "SELECT array_agg(kind || ' ' || severity ORDER BY id) FROM events WHERE execution_id = $1"
    assert await harness.connection.fetchval(events, row["id"]) == [
        "output.matched warning",
        "execution.completed success",
    ]


async def test_a_failure_is_tried_again_after_it_was_judged(harness: Harness) -> None:
    rules = {"extractions": [{"name": "why", "pattern": "because (.*)"}], "assertions": [{"pattern": "OK"}]}
    agent, assignment = await taken(harness, rules, retry_max=1)
    text = "because of this"
    await agent.upload(
        prints(assignment, text), result(assignment, "failed", reason="exit_code", stdout_bytes=len(text))
    )
    row = await ended(harness, assignment, "failed")
    assert (row["reason"], orjson.loads(row["extracted"])) == ("exit_code", {"why": "of this"})
    (again,) = (await agent.poll()).executions
    assert again.attempt_number == 2


@pytest.fixture
async def unjudging(
    database: Database, database_url: str, settings: Callable[..., ControllerSettings]
) -> AsyncIterator[Harness]:
    """An engine that judges nothing, like one that dies as soon as it has answered."""
    engine = build_engine(database, settings())
    del engine.services["judge"]
    await engine.maintenance.once()
    services = asyncio.create_task(supervise(engine.services))
    connection = await asyncpg.connect(database_url)
    yield Harness(engine, database, connection, Principal(new_id(), "test", Role.ADMIN))
    await connection.close()
    services.cancel()
    with suppress(asyncio.CancelledError):
        await services


def _ender(harness: Harness) -> Ender:
    hints = harness.engine.hints
    return Ender(hints, harness.engine.definitions, FleetDefaults(harness.db, hints), lambda _: None)


def a_judge(harness: Harness) -> Judge:
    """The judge of another controller."""
    hints, definitions = harness.engine.hints, harness.engine.definitions
    return Judge(
        harness.db,
        hints,
        definitions,
        _ender(harness),
        Vault(),
    )


async def test_a_result_is_kept_before_its_agent_is_told_and_counts_once(unjudging: Harness) -> None:
    rules = {
        "extractions": [{"name": "N", "pattern": r"\d+", "target": "variable"}],
        "triggers": [{"pattern": "1"}],
    }
    agent = await unjudging.agent()
    job_id = await unjudging.job(output_rules=rules)
    for _ in range(12):
        await unjudging.trigger(job_id)
    assignments: list[Assignment] = []
    while len(assignments) < 12:
        assignments += (await agent.poll()).executions
    for assignment in assignments:
        receipts = await agent.upload(prints(assignment, "1"), result(assignment, stdout_bytes=1))
        assert receipts == [Receipt.RECORDED, Receipt.RECORDED]
        assert await agent.upload(result(assignment)) == [Receipt.DUPLICATE]
    agent.running.clear()
    assert (await unjudging.row("executions", assignments[0].execution_id))["status"] == "running"
    assert await unjudging.connection.fetchval("SELECT count(*) FROM leases") == 0
    # One controller claims some and dies: they are free again at once here, else after a minute.
    await claim_unjudged(unjudging.db, 5, 0.0)
    processes = [JudgeProcess() for _ in range(3)]
    judges = [a_judge(unjudging) for _ in processes]
    for _ in range(3):
        await asyncio.gather(*(j.once(p) for j, p in zip(judges, processes, strict=True)))
    for process in processes:
        await process.close()
    counts = {
        "SELECT count(*) FROM executions WHERE status = 'succeeded' AND extracted = '{\"N\": \"1\"}'": 12,
        "SELECT count(*) FROM runs WHERE status = 'succeeded' AND open_executions = 0": 12,
        "SELECT count(*) FROM events WHERE kind = 'output.matched'": 12,
        "SELECT count(*) FROM events WHERE kind = 'execution.completed'": 12,
        "SELECT count(*) FROM unjudged_results": 0,
    }
    for question, expected in counts.items():
        assert await unjudging.connection.fetchval(question) == expected, question


async def test_who_lost_the_claim_ends_nothing(unjudging: Harness) -> None:
    agent, assignment = await taken(unjudging, {"triggers": [{"pattern": "1"}]})
    await agent.upload(prints(assignment, "1"), result(assignment, stdout_bytes=1))
    (slow,) = await claim_unjudged(unjudging.db, 1, 0.0)
    (newer,) = await claim_unjudged(unjudging.db, 1, 60.0)
    async with unjudging.db.transaction() as session:
        assert await take_judged(session, slow) is None
        assert await take_judged(session, newer) is not None


async def test_a_result_that_kills_its_judges_counts_without_having_been_judged(unjudging: Harness) -> None:
    agent, assignment = await taken(unjudging, {"assertions": [{"pattern": "1"}]}, retry_max=1)
    await agent.upload(prints(assignment, "1"), result(assignment, stdout_bytes=1))
    for _ in range(MOST_CLAIMS):
        assert len(await claim_unjudged(unjudging.db, 1, 0.0)) == 1
    process = JudgeProcess()
    await a_judge(unjudging).once(process)
    row = await unjudging.row("executions", assignment.execution_id)
    assert (row["status"], row["reason"]) == ("failed", "rules_failed")


async def test_what_is_cancelled_before_it_is_judged_is_not_tried_again(unjudging: Harness) -> None:
    agent, assignment = await taken(unjudging, {"triggers": [{"pattern": "1"}]}, retry_max=1)
    await agent.upload(result(assignment, "failed", reason="exit_code"))
    await unjudging.engine.canceller.cancel_execution(assignment.execution_id, by=unjudging.admin)
    process = JudgeProcess()
    await a_judge(unjudging).once(process)
    await process.close()
    row = await unjudging.row("executions", assignment.execution_id)
    assert row["status"] == "failed"
    run = await unjudging.row("runs", row["run_id"])
    assert (run["status"], run["open_executions"]) == ("failed", 0)


async def test_a_late_result_is_judged_too(harness: Harness) -> None:
    rules = {"assertions": [{"pattern": "OK"}]}
    agent, assignment = await taken(harness, rules, lost_after_secs=10)
    await agent.start(assignment)
    await harness.connection.execute(
        "UPDATE leases SET expires_at = now() - interval '1 hour', handed_at = now() - interval '2 hours'"
    )
    await harness.connection.execute(
        "UPDATE brake SET swept_at = now(), held_until = NULL, resumed_at = NULL"
    )
    await ended(harness, assignment, "lost")
    assert await agent.upload(prints(assignment, "no"), result(assignment, stdout_bytes=2)) == [
        Receipt.RECORDED,
        Receipt.RECORDED,
    ]
    row = await ended(harness, assignment, "failed")
    assert row["reason"] == "assertion_failed"
    run = await harness.row("runs", row["run_id"])
    assert (run["status"], run["lost"], run["failed"]) == ("failed", 0, 1)


async def test_a_secret_variable_stays_secret(unjudging: Harness) -> None:
    vault = Vault(parse_keys(new_key()))
    await insert_key(unjudging.db, vault.current_id or b"", b"check")
    async with unjudging.db.transaction() as session:
        sealed = vault.seal("old", VARIABLES.place("TOKEN"))
        await insert_variable(session, VariableRow("TOKEN", None, sealed, vault.current_id, None), "test")
    rules = {"extractions": [{"name": "TOKEN", "pattern": "token=(.*)", "target": "variable"}]}
    agent, assignment = await taken(unjudging, rules)
    await agent.upload(prints(assignment, "token=abc"), result(assignment, stdout_bytes=9))
    hints, definitions = unjudging.engine.hints, unjudging.engine.definitions
    process = JudgeProcess()
    judge = Judge(
        unjudging.db,
        hints,
        definitions,
        _ender(unjudging),
        vault,
    )
    await judge.once(process)
    await process.close()
    row = await unjudging.row("executions", assignment.execution_id)
    assert orjson.loads(row["extracted"]) == {"TOKEN": MASK}
    stored = await unjudging.connection.fetchrow("SELECT value, sealed FROM variables WHERE name = 'TOKEN'")
    assert stored["value"] is None
    assert vault.unseal(stored["sealed"], VARIABLES.place("TOKEN")) == "abc"
