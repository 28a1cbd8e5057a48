"""What agents are told of tasks that use variables and params, and what is kept of it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from tests.integration.api.conftest import Api, Serve, Worker, new_worker
from tests.integration.api.test_variables import KEY

from tocsin_controller.security.sealing import new_key
from tocsin_controller.security.vault_keys import check_keys
from tocsin_controller.store.database import Database

TABLES = (
    "jobs",
    "job_versions",
    "runs",
    "executions",
    "events",
    "variables",
    "audit_log",
    "execution_output",
    "leases",
)


@pytest.fixture
async def api(serve: Serve, database: Database) -> AsyncIterator[Api]:
    """Of a controller with an encryption key."""
    async with serve(encryption_key=KEY) as served:
        await check_keys(database, served.engine.vault)
        yield served.api


@pytest.fixture
async def worker(api: Api) -> Worker:
    return await new_worker(api, task_types=["noop", "shell", "http", "sql"])


async def told(api: Api, worker: Worker, task: dict[str, Any], **params: Any) -> dict[str, Any]:
    """What the agent gets of a job with this task."""
    job = await api.job(task=task)
    await api.post(f"/api/jobs/{job['id']}/trigger", {"params": params} if params else None)
    return await worker.take_one()


async def outcome(api: Api, task: dict[str, Any], **params: Any) -> dict[str, Any]:
    """How an execution ended that could not be told to an agent."""
    job = await api.job(task=task)
    worker = await new_worker(api, f"w-{job['name']}", task_types=["noop", "shell", "http"])
    started = await api.post(f"/api/jobs/{job['id']}/trigger", {"params": params} if params else None)
    assert await worker.take(wait_secs=1) == []
    execution = await api.get(f"/api/executions/{started['execution_ids'][0]}")
    assert execution["status"] == "failed", execution
    return dict(execution)


def shell(command: str, **more: Any) -> dict[str, Any]:
    return {"type": "shell", "command": command, **more}


async def test_values_are_put_in_as_data_and_the_secrets_are_named(api: Api, worker: Worker) -> None:
    await api.post("/api/variables", {"name": "HOST", "value": "a; b"})
    await api.post("/api/variables", {"name": "PW", "value": "it's", "secret": True})
    task = shell("x {{HOST}} '{{PW}}' {{params.v}} {{params.n}}", env={"A": "{{PW}}"}, stdin="{{HOST}}")
    execution = await told(api, worker, task, v="$(id)", n=5)
    assert execution["task"]["command"] == "x 'a; b' 'it'\\''s' '$(id)' '5'"
    assert execution["task"]["env"] == {"A": "it's"}
    assert execution["task"]["stdin"] == "a; b"
    assert execution["redact"] == ["it's"]


async def test_references_that_are_text_lose_their_extra_braces_beside_no_others(
    api: Api, worker: Worker
) -> None:
    execution = await told(api, worker, shell("x '{{{{A}}' {{.State}}", env={"S": "{{{{params.b}}"}))
    assert execution["task"]["command"] == "x '{{A}}' {{.State}}"
    assert execution["task"]["env"] == {"S": "{{params.b}}"}


async def test_a_request_is_filled_by_the_rules_of_its_parts(api: Api, worker: Worker) -> None:
    await api.post("/api/variables", {"name": "API", "value": "https://h:1/v1"})
    await api.post("/api/variables", {"name": "Q", "value": 'a"/ b'})
    task = {
        "type": "http",
        "method": "post",
        "url": "{{API}}/x/{{Q}}",
        "headers": {"X-Q": "{{Q}}"},
        "body": '{"q": "{{Q}}"}',
    }
    execution = await told(api, worker, task)
    assert execution["task"]["url"] == "https://h:1/v1/x/a%22%2F%20b"
    assert execution["task"]["headers"] == {"X-Q": 'a"/ b'}
    assert execution["task"]["body"] == '{"q": "a\\"/ b"}'
    assert execution["redact"] == []


async def test_a_query_is_filled_by_the_rules_of_its_driver(api: Api, worker: Worker) -> None:
    await api.post("/api/variables", {"name": "Q", "value": "it's \\5"})
    task = {
        "type": "sql",
        "driver": "mysql",
        "query": "SELECT `{{Q}}` FROM t WHERE a = {{Q}} AND b = {{params.yes}} LIMIT {{params.n}}",
        "connection_string": "mysql://me:{{Q}}@db/shop",
    }
    execution = await told(api, worker, task, n=5, yes=True)
    assert execution["task"]["query"] == (
        "SELECT `it's \\5` FROM t WHERE a = 'it''s \\\\5' AND b = TRUE LIMIT 5"
    )
    assert execution["task"]["connection_string"] == "mysql://me:it%27s%20%5C5@db/shop"


async def test_nothing_that_is_stored_or_shown_holds_a_secret(
    api: Api, worker: Worker, connection: asyncpg.Connection
) -> None:
    await api.post("/api/variables", {"name": "PW", "value": "s3cret-text", "secret": True})
    execution = await told(api, worker, shell("x {{PW}}"))
    await worker.finish(execution)
    shown = await api.get(f"/api/executions/{execution['execution_id']}")
    assert shown["task_snapshot"]["command"] == "x {{PW}}"
    for table in TABLES:
        rows = str([tuple(r) for r in await connection.fetch(f"SELECT * FROM {table}")])  # noqa: S608  fixed names
        assert "s3cret" not in rows, table


async def test_names_without_a_value_fail_the_execution_and_are_named(api: Api, database: Database) -> None:
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    await api.post("/api/variables", {"name": "OLD", "value": "x", "expires_at": soon})
    async with database.transaction() as session:
        await session.connection.execute("UPDATE variables SET expires_at = now() - interval '1 second'")
    execution = await outcome(api, shell("x {{OLD}} {{NONE}} {{params.p}} {{{{TEXT}}"))
    assert execution["reason"] == "unresolved_variable"
    assert execution["message"] == "no value for {{params.p}}, {{NONE}}, {{OLD}} (expired)"


async def test_a_value_that_would_be_more_than_a_value_fails_the_execution(api: Api) -> None:
    await api.post("/api/variables", {"name": "TOKEN", "value": "x\r\nEvil: 1-s3cret", "secret": True})
    task = {"type": "http", "method": "get", "url": "http://h/", "headers": {"Authorization": "{{TOKEN}}"}}
    execution = await outcome(api, task)
    assert execution["reason"] == "unsafe_value"
    assert "{{TOKEN}} holds a line break" in execution["message"]
    assert "s3cret" not in execution["message"]


async def test_what_gets_too_long_with_its_values_is_refused_without_repeating_it(api: Api) -> None:
    await api.post("/api/variables", {"name": "LONG", "value": "s3cret" * 5_000})
    execution = await outcome(api, shell("x {{LONG}} {{LONG}} {{LONG}} {{LONG}}"))
    assert (execution["reason"], execution["message"]) == (
        "unsafe_value",
        "with its values the task does not fit: command",
    )


async def test_a_secret_that_this_controller_can_not_decrypt_fails_the_execution(
    api: Api, serve: Serve
) -> None:
    await api.post("/api/variables", {"name": "PW", "value": "s3cret", "secret": True})
    job = await api.job(task=shell("x {{PW}}"), target={"type": "any"})
    async with serve(encryption_key=new_key()) as other:
        worker = await new_worker(other.api, task_types=["shell"])
        started = await other.api.post(f"/api/jobs/{job['id']}/trigger")
        assert await worker.take(wait_secs=1) == []
        execution = await other.api.get(f"/api/executions/{started['execution_ids'][0]}")
    assert execution["reason"] == "unresolved_variable"
    assert "can't be decrypted" in execution["message"]


async def test_a_retry_gets_what_holds_then(api: Api, worker: Worker) -> None:
    await api.post("/api/variables", {"name": "A", "value": "one"})
    job = await api.job(task=shell("x {{A}}"), retry_max=1)
    await api.post(f"/api/jobs/{job['id']}/trigger")
    first = await worker.take_one()
    await api.put("/api/variables/A", {"value": "two"})
    await worker.finish(first, "failed")
    second = await worker.take_one()
    assert (first["task"]["command"], second["task"]["command"]) == ("x 'one'", "x 'two'")


async def test_what_third_party_agents_report_is_cleaned_before_it_is_kept(
    api: Api, connection: asyncpg.Connection
) -> None:
    await api.post("/api/variables", {"name": "PW", "value": "s3cret-text", "secret": True})
    agent = await api.agent("third", agent_type="custom", task_types=[])
    job = await api.job(task=shell("x {{PW}}"), target={"type": "agent", "agent_id": agent["agent_id"]})
    await api.post(f"/api/jobs/{job['id']}/trigger")
    spoken = api.as_role("agent")
    item = await spoken.get(f"/api/agent-queue/{agent['agent_id']}/next?wait=10")
    assert item["task"]["command"] == "x 's3cret-text'"
    result = {
        "execution_id": item["execution_id"], "job_id": item["job_id"], "agent_id": item["agent_id"],
        "status": "failed", "exit_code": 1, "stdout": "got s3cret-text.\n", "stderr": "no: s3cret-text",
    }  # fmt: skip
    await spoken.post("/api/callbacks/execution-result", result)
    execution = await api.get(f"/api/executions/{item['execution_id']}")
    assert (execution["stdout"], execution["stderr"]) == ("got ***********.\n", "no: ***********")
    assert "s3cret" not in str(
        [bytes(r[0]) for r in await connection.fetch("SELECT data FROM execution_output")]
    )


@pytest.mark.parametrize(
    ("task", "field"),
    [
        (shell("echo `x {{A}}`"), "task.command"),
        (shell("echo ${x:-{{A}}}"), "task.command"),
        ({"type": "ssh", "host": "h", "username": "u", "command": "echo `x {{A}}`"}, "task.command"),
        ({"type": "http", "method": "post", "url": "http://h/", "body": '{"a": "\\{{A}}"}'}, "task.body"),
        (shell("x {{params.nope}}"), "task"),
    ],
)
async def test_a_reference_that_could_never_be_filled_is_refused_when_the_job_is_saved(
    api: Api, task: dict[str, Any], field: str
) -> None:
    parameters = [{"name": "v"}]
    body = {"name": "j", "task": task, "schedule": {"type": "on_demand"}, "parameters": parameters}
    answer = await api.call("POST", "/api/jobs", body)
    assert answer.status == 400
    assert [one["field"] for one in answer.json["details"]] == [field]
