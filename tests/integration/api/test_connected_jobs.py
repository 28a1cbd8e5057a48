"""What agents are told of jobs whose tasks name a connection, and what is kept of it."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from tests.integration.api.conftest import Api, Serve, Worker, new_worker
from tests.integration.api.test_connections import KEY, POSTGRES, SQL, URL, dump

from tocsin_controller.security.vault_keys import check_keys
from tocsin_controller.store.database import Database

TYPES = ["sql", "http", "noop"]
API = {"base_url": "https://api.example.com", "auth_type": "bearer", "token": "tok-s3cret"}


@pytest.fixture
async def api(serve: Serve, database: Database) -> AsyncIterator[Api]:
    """Of a controller with an encryption key."""
    async with serve(encryption_key=KEY) as served:
        await check_keys(database, served.engine.vault)
        yield served.api


@pytest.fixture
async def worker(api: Api) -> Worker:
    return await new_worker(api, task_types=TYPES)


async def triggered(api: Api, task: dict[str, Any], **more: Any) -> str:
    job = await api.job(task=task, **more)
    return str((await api.post(f"/api/jobs/{job['id']}/trigger"))["execution_ids"][0])


async def test_an_agent_gets_the_connection_and_its_secrets_and_nobody_keeps_them(
    api: Api, worker: Worker, connection: asyncpg.Connection
) -> None:
    await api.post("/api/connections", POSTGRES)
    execution_id = await triggered(api, SQL)
    told = await worker.take_one()
    assert told["connection"] == {
        "name": "prod-db", "conn_type": "postgres", "config": {"connection_string": URL},
    }  # fmt: skip
    assert set(told["redact"]) == {URL, "pg-s3cret"}
    assert "connection_string" not in told["task"]
    await worker.finish(told)
    shown = [await api.get(f"/api/executions/{execution_id}"), await api.get("/api/jobs")]
    assert "s3cret" not in str(shown)
    stored = await dump(connection)
    assert "s3cret" not in stored
    assert b"s3cret".hex() not in stored


async def test_secrets_of_variables_and_of_the_connection_go_together(api: Api, worker: Worker) -> None:
    await api.post("/api/variables", {"name": "PW", "value": "var-s3cret", "secret": True})
    await api.post("/api/connections", POSTGRES)
    await triggered(api, {**SQL, "query": "SELECT '{{PW}}'"})
    told = await worker.take_one()
    assert told["task"]["query"] == "SELECT 'var-s3cret'"
    assert set(told["redact"]) == {URL, "pg-s3cret", "var-s3cret"}


async def test_every_attempt_gets_what_the_connection_says_then(api: Api, worker: Worker) -> None:
    await api.post("/api/connections", POSTGRES)
    await triggered(api, SQL, retry_max=1, retry_delay_secs=0)
    first = await worker.take_one()
    await api.put(
        "/api/connections/prod-db", {"config": {"connection_string": URL.replace("pg-s3", "later-s3")}}
    )
    await worker.finish(first, "failed")
    assert "later-s3cret" in (await worker.take(wait_secs=30))[0]["redact"]


async def test_variables_of_a_connection_are_put_in_when_it_is_handed_out(api: Api, worker: Worker) -> None:
    config = {"connection_string": "postgresql://{{DB_USER}}:{{DB_PASSWORD}}@db.example.com/app"}
    shown = await api.post("/api/connections", {**POSTGRES, "config": config})
    await api.post("/api/variables", {"name": "DB_USER", "value": "app"})
    execution_id = await triggered(api, SQL)
    assert await worker.take(wait_secs=1) == []
    ended = await api.get(f"/api/executions/{execution_id}")
    assert (ended["status"], ended["reason"]) == ("failed", "unresolved_variable")
    assert ended["message"] == "no value for {{DB_PASSWORD}} in the connection 'prod-db'"
    await api.post("/api/variables", {"name": "DB_PASSWORD", "value": "p@ss/s3cret", "secret": True})
    await triggered(api, SQL)
    told = await worker.take_one()
    url = "postgresql://app:p%40ss%2Fs3cret@db.example.com/app"
    assert told["connection"]["config"] == {"connection_string": url}
    assert set(told["redact"]) == {url, "p%40ss%2Fs3cret", "p@ss/s3cret"}
    assert (await api.put("/api/connections/prod-db", shown))["config"] == {"connection_string": "********"}


async def test_a_connection_that_is_gone_ends_the_execution(api: Api, worker: Worker) -> None:
    await api.post("/api/connections", POSTGRES)
    job = await api.job(task=SQL)
    await api.delete("/api/connections/prod-db?force=true")
    started = await api.post(f"/api/jobs/{job['id']}/trigger")
    assert await worker.take(wait_secs=1) == []
    ended = await api.get(f"/api/executions/{started['execution_ids'][0]}")
    assert (ended["status"], ended["reason"]) == ("failed", "bad_connection")
    assert ended["message"] == "there is no connection 'prod-db'"
    # One of the same name that is of no use to the job is not handed out either.
    await api.post("/api/connections", {"name": "prod-db", "conn_type": "http", "config": API})
    started = await api.post(f"/api/jobs/{job['id']}/trigger")
    assert await worker.take(wait_secs=1) == []
    ended = await api.get(f"/api/executions/{started['execution_ids'][0]}")
    assert ended["reason"] == "bad_connection"
    assert "type 'http'" in ended["message"]


async def test_a_connection_that_was_tampered_with_ends_the_execution(
    api: Api, worker: Worker, connection: asyncpg.Connection
) -> None:
    await api.post("/api/connections", POSTGRES)
    await api.post("/api/connections", {**POSTGRES, "name": "other"})
    await connection.execute(
        "UPDATE connections SET sealed = (SELECT sealed FROM connections WHERE name = 'other')"
        " WHERE name = 'prod-db'"
    )
    execution_id = await triggered(api, SQL)
    assert await worker.take(wait_secs=1) == []
    ended = await api.get(f"/api/executions/{execution_id}")
    assert (ended["status"], ended["reason"]) == ("failed", "bad_connection")
    assert "was changed, or stands in another place" in ended["message"]


async def test_more_secrets_than_can_be_looked_for_are_not_handed_out(api: Api, worker: Worker) -> None:
    config = {"connection_string": URL, "tls_cert": "c", "tls_key": "k" * 99_000}
    await api.post("/api/connections", {**POSTGRES, "config": config})
    await api.post("/api/variables", {"name": "PW", "value": "v" * 32_768, "secret": True})
    execution_id = await triggered(api, {**SQL, "query": "SELECT '{{PW}}'"})
    assert await worker.take(wait_secs=1) == []
    ended = await api.get(f"/api/executions/{execution_id}")
    assert (ended["status"], ended["reason"]) == ("failed", "unsafe_value")
    assert "more than 131072 bytes together" in ended["message"]


async def test_a_simple_agent_gets_task_and_connection_in_one_and_its_report_is_cleaned(api: Api) -> None:
    await api.post("/api/connections", {"name": "vendor", "conn_type": "http", "config": API})
    agent = await api.agent("simple", agent_type="custom")
    task = {"type": "http", "method": "get", "url": "/ping", "connection": "vendor"}
    execution_id = await triggered(api, task, target={"type": "agent", "agent_id": agent["agent_id"]})
    simple = api.as_role("agent")
    item = await simple.get(f"/api/agent-queue/{agent['agent_id']}/next?wait=30")
    assert item["task"]["url"] == "https://api.example.com/ping"
    assert item["task"]["headers"] == {"Authorization": "Bearer tok-s3cret"}
    result = {
        "execution_id": item["execution_id"], "job_id": item["job_id"], "agent_id": item["agent_id"],
        "status": "succeeded", "exit_code": 0, "stdout": "sent tok-s3cret\n", "stderr": "",
        "stdout_truncated": False, "stderr_truncated": False, "started_at": None, "finished_at": None,
    }  # fmt: skip
    await simple.post("/api/callbacks/execution-result", result)
    ended = await api.get(f"/api/executions/{execution_id}")
    assert ended["stdout"] == "sent **********\n"
