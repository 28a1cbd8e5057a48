"""Connections tried from the host of an agent, by real agents over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import aiosqlite
import asyncpg
import pytest
from tests.integration.api.conftest import Api, Serve, Served, key_of, new_worker
from tests.net import free_port

from tocsin_agent.daemon import Agent
from tocsin_agent.http_link import HttpLink
from tocsin_agent.policy import Policy
from tocsin_agent.policy.paths import Directories
from tocsin_controller.dispatch.connecting import Connector
from tocsin_controller.dispatch.trials import TrialDesk
from tocsin_controller.security.sealing import new_key
from tocsin_controller.security.vault_keys import check_keys
from tocsin_controller.store.database import Database
from tocsin_shared.errors import NoAnswer, Unavailable
from tocsin_shared.ids import new_id
from tocsin_shared.network import GUARDED
from tocsin_shared.protocol import MAX_TRIALS

KEY = new_key()
SECRET = "s3cret-password"


@pytest.fixture
async def served(serve: Serve, database: Database) -> AsyncIterator[Served]:
    """Of a controller with an encryption key, which may not call its own host."""
    async with serve(encryption_key=KEY, heartbeat_secs=1) as running:
        await check_keys(database, running.engine.vault)
        yield running


@asynccontextmanager
async def agent(
    api: Api, directory: Path, name: str = "web-1", policy: Policy | None = None
) -> AsyncIterator[None]:
    """One that is registered."""
    async with HttpLink(api.url, key_of("agent")) as link:
        running = Agent(
            link=link,
            state_dir=directory / name,
            name=name,
            enrolment_key=key_of("agent"),
            policy=policy,
            min_free_bytes=0,
        )
        task = asyncio.create_task(running.run())
        try:
            await asyncio.wait_for(running.wait_until_registered(), 30)
            yield
        finally:
            running.begin_drain(grace_secs=0.1)
            await task


async def redis(api: Api, name: str = "cache") -> str:
    """A connection to a server that is down; its message when it is tried."""
    port = free_port()
    config = {"url": f"redis://:{SECRET}@127.0.0.1:{port}"}
    await api.post("/api/connections", {"name": name, "conn_type": "redis", "config": config})
    return f"Could not connect to Redis at 127.0.0.1:{port}"


async def tried(api: Api, name: str = "cache", on: str = "web-1") -> dict[str, Any]:
    return dict(await api.post(f"/api/connections/{name}/test", {"agent": on}))


async def test_an_agent_tries_what_another_controller_was_asked_for(
    served: Served, serve: Serve, tmp_path: Path, connection: asyncpg.Connection
) -> None:
    api = served.api
    async with aiosqlite.connect(tmp_path / "a.db") as file:
        await file.execute("CREATE TABLE t (a)")
    config = {"connection_string": str(tmp_path / "a.db")}
    await api.post("/api/connections", {"name": "file", "conn_type": "sqlite", "config": config})
    down = await redis(api)
    async with agent(api, tmp_path), serve(encryption_key=KEY) as other:
        opened = await tried(other.api, "file")
        assert opened == {"success": True, "message": "Opened the database (1 table).", "agent": "web-1"}
        agent_id = (await api.get("/api/agents/web-1"))["id"]
        refused = await tried(api, on=agent_id)
        assert (refused["success"], refused["agent"]) == (False, "web-1")
        assert down in refused["message"]
        several = await asyncio.gather(*(tried(one.api, "file") for one in (served, other) for _ in range(2)))
        assert [one["success"] for one in several] == [True] * 4
        # The controller itself may not, and says so.
        assert "the network policy refuses" in (await api.post("/api/connections/cache/test"))["message"]
    assert await connection.fetchval("SELECT count(*) FROM connection_trials") == 0


async def test_the_policy_of_the_agent_holds_for_trials(served: Served, tmp_path: Path) -> None:
    api = served.api
    await redis(api)
    config = {"connection_string": "/etc/passwd"}
    await api.post("/api/connections", {"name": "file", "conn_type": "sqlite", "config": config})
    directories = Directories(read=(tmp_path,), write=(tmp_path,))
    async with (
        agent(api, tmp_path, "guarded", Policy(reach=GUARDED, directories=directories)),
        agent(api, tmp_path, "few", Policy(task_types=frozenset({"shell", "sql"}))),
    ):
        assert "the network policy refuses loopback" in (await tried(api, on="guarded"))["message"]
        away = await tried(api, "file", "guarded")
        assert "directories.write does not hold the connection's database" in away["message"]
        assert "/etc/passwd" not in away["message"]
        few = await tried(api, on="few")
        assert not few["success"]
        assert "task_types names none that uses connections of type 'redis'" in few["message"]


async def test_who_can_not_try_it_is_told_at_once(served: Served, connection: asyncpg.Connection) -> None:
    api = served.api
    await redis(api)
    await api.agent("simple")
    await api.agent("printer", agent_type="custom")
    await connection.execute("UPDATE agents SET status = 'offline' WHERE name = 'simple'")
    for on, status, text in (
        ("nobody", 404, "there is no agent 'nobody'"),
        ("simple", 409, "agent 'simple' is offline"),
        ("printer", 409, "knows nothing of connections"),
        ("", 400, "agent"),
    ):
        answer = await api.call("POST", "/api/connections/cache/test", {"agent": on})
        assert (answer.status, text in answer.json["error"]) == (status, True), answer.json
    assert (await api.call("POST", "/api/connections/none/test", {"agent": "simple"})).status == 404
    body = {"agent": "simple"}
    assert (await api.as_role("viewer").call("POST", "/api/connections/cache/test", body)).status == 403


async def test_an_agent_that_says_nothing_is_given_up(served: Served, database: Database) -> None:
    engine = served.engine
    await redis(served.api)
    silent, deaf = await new_worker(served.api, "silent"), await new_worker(served.api, "deaf")
    desk = TrialDesk(
        database, engine.hints, Connector(engine.vault), told_within_secs=0.3, tried_within_secs=0.3
    )
    with pytest.raises(NoAnswer, match="agent 'deaf' did not ask for work within"):
        await desk.attempt(UUID(deaf.id), "deaf", "cache")
    polling = asyncio.create_task(silent.take(wait_secs=30))
    with pytest.raises(NoAnswer, match="agent 'silent' got the connection"):
        await desk.attempt(UUID(silent.id), "silent", "cache")
    assert await polling == []
    attempts = [desk.attempt(UUID(deaf.id), "deaf", "cache") for _ in range(MAX_TRIALS + 3)]
    found = await asyncio.gather(*attempts, return_exceptions=True)
    assert {type(one) for one in found} == {NoAnswer, Unavailable}


async def test_only_the_agent_that_was_told_answers_and_its_first_word_counts(served: Served) -> None:
    api = served.api
    await redis(api)
    told, other = await new_worker(api, "told"), await new_worker(api, "other")
    asking = asyncio.create_task(tried(api, on="told"))
    body = {"incarnation": told.incarnation, "seq": 1, "wait_secs": 30, "slots": 0}
    order = (await told.api.post(f"/api/agent-queue/{told.id}/next", body))["trials"][0]
    assert SECRET in order["connection"]["config"]["url"]
    for worker, message in ((other, "I say so"), (told, "Worked\x00."), (told, "Changed my mind.")):
        result = {"trial_id": order["trial_id"], "success": worker is told, "message": message}
        unknown = {**result, "trial_id": str(new_id())}
        beat = {"incarnation": worker.incarnation, "tried": [result, unknown]}
        await worker.api.post(f"/api/agents/{worker.id}/heartbeat", beat)
    assert await asking == {"success": True, "message": "Worked\ufffd.", "agent": "told"}
