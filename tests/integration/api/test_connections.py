"""Connections over HTTP: what is kept, what is shown, who uses them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiosqlite
import asyncpg
import pytest
from tests.integration.api.conftest import Api, Serve
from tests.net import free_port

from tocsin_controller.security.sealing import Vault, new_key, parse_keys
from tocsin_controller.security.using_connections import Given
from tocsin_controller.security.vault_keys import check_keys, forget_key, rotate
from tocsin_controller.services.connection_trials import MOST_AT_ONCE, ConnectionTrials
from tocsin_controller.store.database import Database
from tocsin_shared.connections.given import GivenConnection
from tocsin_shared.errors import Unavailable
from tocsin_shared.network import Reach

MASK = "********"
KEY, NEWER = new_key(), new_key()
URL = "postgresql://app:pg-s3cret@db.example.com:5432/app"
POSTGRES = {"name": "prod-db", "conn_type": "postgres", "config": {"connection_string": URL}}
SQL = {"type": "sql", "driver": "postgres", "query": "SELECT 1", "connection": "prod-db"}


def vault(*keys: str) -> Vault:
    return Vault(parse_keys(",".join(keys)))


@pytest.fixture
async def api(serve: Serve, database: Database) -> AsyncIterator[Api]:
    """Of a controller with an encryption key."""
    async with serve(encryption_key=KEY) as served:
        await check_keys(database, served.engine.vault)
        yield served.api


async def opened(connection: asyncpg.Connection, name: str = "prod-db", key: str = KEY) -> str:
    """The configuration as it is kept."""
    sealed = await connection.fetchval("SELECT sealed FROM connections WHERE name = $1", name)
    return vault(key).unseal(sealed, f"connections/{name}")


async def dump(connection: asyncpg.Connection) -> str:
    """Everything that people could read in any table."""
    names = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    rows = [
        str([tuple(r) for r in await connection.fetch(f'SELECT * FROM "{row[0]}"')])  # noqa: S608  catalog names
        for row in names
    ]
    return "".join(rows)


async def test_a_connection_is_created_read_changed_and_deleted(api: Api) -> None:
    made = await api.post("/api/connections", {**POSTGRES, "description": "Production DB"})
    assert {k: made[k] for k in made if not k.endswith("_at")} == {
        "name": "prod-db", "conn_type": "postgres", "description": "Production DB",
        "config": {"connection_string": MASK}, "jobs": [],
    }  # fmt: skip
    assert await api.get("/api/connections") == [made]
    assert await api.put("/api/connections/prod-db", made) == made
    changed = await api.put("/api/connections/prod-db", {"description": None, "config": {"tls": True}})
    assert (changed["description"], changed["config"]) == (None, {"connection_string": MASK, "tls": True})
    await api.delete("/api/connections/prod-db")
    for method, body in (("GET", None), ("DELETE", None), ("PUT", {"description": "x"})):
        assert (await api.call(method, "/api/connections/prod-db", body)).status == 404
    kinds = [event["kind"] for event in (await api.get("/api/events"))["data"]]
    assert [k for k in kinds if k.startswith("connection.")] == [
        "connection.deleted", "connection.updated", "connection.created",
    ]  # fmt: skip


async def test_no_secret_is_stored_readable_or_answered(api: Api, connection: asyncpg.Connection) -> None:
    config = {"base_url": "https://api.example.com", "auth_type": "bearer", "token": "tok-s3cret"}
    await api.post("/api/connections", {"name": "vendor-api", "conn_type": "http", "config": config})
    await api.post("/api/connections", POSTGRES)
    changed = await api.put("/api/connections/vendor-api", {"config": {"token": "tok-s3cret-2"}})
    assert changed["config"] == {**config, "token": MASK}
    everything = [await api.get("/api/connections"), await api.as_role("admin").get("/api/audit-log")]
    assert "s3cret" not in str(everything)
    stored = await dump(connection)
    assert "s3cret" not in stored
    assert b"s3cret".hex() not in stored
    assert "tok-s3cret-2" in await opened(connection, "vendor-api")


async def test_an_update_goes_over_what_is_stored_key_by_key(
    api: Api, connection: asyncpg.Connection
) -> None:
    config = {"host": "a", "port": 2022, "username": "u", "password": "pw-1"}
    await api.post("/api/connections", {"name": "files", "conn_type": "sftp", "config": config})
    sent = {"host": "b", "port": None, "password": MASK}
    shown = await api.put("/api/connections/files", {"config": sent})
    assert shown["config"] == {"host": "b", "username": "u", "password": MASK}
    assert "pw-1" in await opened(connection, "files")
    shown = await api.put("/api/connections/files", {"config": {"password": None}})
    assert shown["config"] == {"host": "b", "username": "u"}
    audit = (await api.as_role("admin").get("/api/audit-log"))["data"]
    assert audit[0]["changes"] == {"config.password": {"old": "(not shown)", "new": "(not shown)"}}
    assert audit[1]["changes"] == {
        "config.host": {"old": "a", "new": "b"},
        "config.port": {"old": 2022, "new": None},
    }


async def test_another_type_keeps_what_it_knows_and_drops_the_rest(api: Api) -> None:
    config = {"host": "a", "username": "u", "password": "pw-1", "tls": True}
    await api.post("/api/connections", {"name": "files", "conn_type": "ftp", "config": config})
    shown = await api.put("/api/connections/files", {"conn_type": "sftp"})
    assert (shown["conn_type"], shown["config"]) == ("sftp", {"host": "a", "username": "u", "password": MASK})


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "a b", "conn_type": "ftp", "config": {"host": "h"}}, "name"),
        ({"name": "n" * 101, "conn_type": "ftp", "config": {"host": "h"}}, "name"),
        ({"name": "a", "conn_type": "oracle", "config": {}}, "conn_type"),
        ({"name": "a", "conn_type": "ftp"}, "config"),
        ({"name": "a", "conn_type": "ftp", "config": {}}, "config.host"),
        ({"name": "a", "conn_type": "ftp", "config": {"host": "h", "port": 70_000}}, "config.port"),
        ({"name": "a", "conn_type": "ftp", "config": {"host": "h", "pasword": "x"}}, "config.pasword"),
        ({"name": "a", "conn_type": "ftp", "config": {"host": "h", "password": MASK}}, "config.password"),
        ({"name": "a", "conn_type": "http", "config": {"base_url": "ftp://x"}}, "config.base_url"),
        ({"name": "a", "conn_type": "kafka", "config": {"broker": "b", "token": "t"}}, "config"),
        ({"name": "a", "conn_type": "http", "config": {"base_url": "http://u:pw@x"}}, "config.base_url"),
        (
            {"name": "a", "conn_type": "s3", "config": {"bucket": "b", "endpoint": "http://u:pw@x"}},
            "config.endpoint",
        ),
    ],
)
async def test_bad_input_is_refused_by_field(api: Api, body: dict[str, Any], field: str) -> None:
    answer = await api.call("POST", "/api/connections", body)
    assert answer.status == 400
    assert [detail["field"] for detail in answer.json["details"]] == [field]


async def test_a_mask_for_a_secret_that_was_never_said_is_refused(api: Api) -> None:
    await api.post("/api/connections", {"name": "files", "conn_type": "ftp", "config": {"host": "a"}})
    answer = await api.call("PUT", "/api/connections/files", {"config": {"password": MASK}})
    assert answer.status == 400
    assert answer.json["details"][0]["field"] == "config.password"


async def test_a_name_that_is_in_use_is_a_conflict(api: Api) -> None:
    await api.post("/api/connections", POSTGRES)
    answer = await api.call("POST", "/api/connections", POSTGRES)
    assert (answer.status, answer.json["code"]) == (409, "name_taken")


async def test_viewers_read_and_agents_see_nothing(api: Api) -> None:
    await api.post("/api/connections", POSTGRES)
    assert (await api.as_role("viewer").call("GET", "/api/connections")).status == 200
    assert (await api.as_role("viewer").call("DELETE", "/api/connections/prod-db")).status == 403
    assert (await api.as_role("agent").call("GET", "/api/connections/prod-db")).status == 403


async def test_the_list_comes_in_pieces_by_name(api: Api) -> None:
    for name in ("b", "A", "_c", "B2"):
        await api.post("/api/connections", {**POSTGRES, "name": name})
    first = await api.get("/api/connections?limit=3")
    rest = await api.get(f"/api/connections?limit=3&after={first[-1]['name']}")
    assert [one["name"] for one in first + rest] == ["A", "B2", "_c", "b"]
    assert [one["name"] for one in await api.get("/api/connections?search=b")] == ["B2", "b"]


async def test_without_a_key_connections_are_refused(serve: Serve) -> None:
    async with serve() as served:
        answer = await served.api.call("POST", "/api/connections", POSTGRES)
        assert answer.status == 400
        assert answer.json["details"][0]["field"] == "config"
        assert "TOCSIN_ENCRYPTION_KEY" in answer.json["error"]


async def test_a_job_names_a_connection_that_is_there_and_fits(api: Api) -> None:
    missing = await api.call("POST", "/api/jobs", _job(SQL))
    assert missing.status == 400
    assert missing.json["details"] == [
        {"field": "task.connection", "reason": "there is no connection 'prod-db'"}
    ]
    await api.post("/api/connections", POSTGRES)
    for wrong in (
        {**SQL, "driver": "mysql"},
        {"type": "http", "method": "get", "url": "/x", "connection": "prod-db"},
    ):
        answer = await api.call("POST", "/api/jobs", _job(wrong))
        assert answer.status == 400
        assert answer.json["details"][0]["field"] == "task.connection"
        assert "type 'postgres'" in answer.json["details"][0]["reason"]
    job = await api.post("/api/jobs", _job(SQL))
    assert job["task"]["connection"] == "prod-db"
    assert (await api.get("/api/connections/prod-db"))["jobs"] == ["report"]


async def test_a_connection_in_use_stays_and_keeps_a_type_that_fits(api: Api) -> None:
    await api.post("/api/connections", POSTGRES)
    await api.post("/api/jobs", _job(SQL))
    kept = await api.call("DELETE", "/api/connections/prod-db")
    assert (kept.status, kept.json["error"]) == (409, "the connection is in use by job 'report'")
    kept = await api.call("PUT", "/api/connections/prod-db", {"conn_type": "mysql"})
    assert kept.status == 409
    assert "job 'report'" in kept.json["error"]
    # Used no more, it may go.
    await api.put(
        "/api/jobs/report", {"task": {**SQL, "connection": None, "connection_string": "postgresql://x"}}
    )
    assert (await api.get("/api/connections/prod-db"))["jobs"] == []
    await api.delete("/api/connections/prod-db")


async def test_force_deletes_what_is_in_use_and_a_deleted_job_uses_nothing(api: Api) -> None:
    await api.post("/api/connections", POSTGRES)
    await api.post("/api/jobs", _job(SQL))
    await api.delete("/api/connections/prod-db?force=true")
    # The job still names it, so one that is made again is in use.
    await api.post("/api/connections", POSTGRES)
    assert (await api.call("DELETE", "/api/connections/prod-db")).status == 409
    await api.delete("/api/jobs/report")
    await api.delete("/api/connections/prod-db")


async def test_rotation_seals_connections_anew(
    api: Api, database: Database, connection: asyncpg.Connection
) -> None:
    await api.post("/api/connections", POSTGRES)
    done = await rotate(database, vault(NEWER, KEY))
    assert (done.resealed, done.retired) == (1, [vault(KEY).current_id])
    assert URL in await opened(connection, key=NEWER)
    # The controller of `api` has the old key only: it can't read it, can't write, and says so.
    shown = (await api.get("/api/connections"))[0]
    assert shown["config"] == {}
    assert "which this controller does not have" in shown["unreadable"]
    late = await api.call("PUT", "/api/connections/prod-db", {"config": {"connection_string": URL}})
    assert late.status == 409


async def test_a_lost_key_takes_its_connections_with_it(api: Api, database: Database) -> None:
    await api.post("/api/connections", POSTGRES)
    await api.post("/api/jobs", _job(SQL))
    lost = vault(KEY).current_id
    assert lost is not None
    assert await forget_key(database, lost) == ["connection prod-db"]
    await check_keys(database, vault(NEWER))
    assert await api.get("/api/connections") == []


def _job(task: dict[str, Any]) -> dict[str, Any]:
    return {"name": "report", "task": task, "schedule": {"type": "on_demand"}}


@pytest.fixture
async def near(serve: Serve, database: Database) -> AsyncIterator[Api]:
    """Of a controller that may call servers on its own host."""
    async with serve(encryption_key=KEY, network_allow=["loopback"]) as served:
        await check_keys(database, served.engine.vault)
        yield served.api


async def test_a_connection_can_be_tried_and_what_is_wrong_is_said_without_secrets(
    near: Api, tmp_path: Path
) -> None:
    async with aiosqlite.connect(tmp_path / "a.db") as file:
        await file.execute("CREATE TABLE t (a)")
    await near.post("/api/connections", _sqlite("file", tmp_path / "a.db"))
    opened = await near.post("/api/connections/file/test")
    assert opened["success"] is True
    assert opened["message"].endswith("(1 table).")
    url = f"redis://:s3cret-password@127.0.0.1:{free_port()}"
    await near.post("/api/connections", {"name": "down", "conn_type": "redis", "config": {"url": url}})
    down = await near.post("/api/connections/down/test")
    assert down["success"] is False
    assert "Could not connect to Redis at 127.0.0.1" in down["message"]
    assert "s3cret" not in str(down)
    assert (await near.call("POST", "/api/connections/none/test")).status == 404
    assert (await near.as_role("viewer").call("POST", "/api/connections/file/test")).status == 403


async def test_a_controller_tries_nothing_that_its_network_policy_refuses(api: Api) -> None:
    body = {"name": "own", "conn_type": "http", "config": {"base_url": f"http://127.0.0.1:{free_port()}"}}
    await api.post("/api/connections", body)
    tried = await api.post("/api/connections/own/test")
    assert tried["success"] is False
    assert "the network policy refuses loopback addresses" in tried["message"]


@pytest.mark.parametrize(
    ("conn_type", "config", "field"),
    [
        ("ftp", {"host": "h", "password": "{{params.PW}}"}, "config.password"),
        ("postgres", {"connection_string": "{{HOST}} password=x"}, "config.connection_string"),
        ("http", {"base_url": "{{API}}/v1"}, "config.base_url"),
        ("ftp", {"host": "h", "password": "".join(f"{{{{V{n}}}}}" for n in range(101))}, "config"),
    ],
)
async def test_a_reference_that_no_value_can_stand_for_is_refused(
    api: Api, conn_type: str, config: dict[str, str], field: str
) -> None:
    body = {"name": "a", "conn_type": conn_type, "config": config}
    answer = await api.call("POST", "/api/connections", body)
    assert answer.status == 400
    assert [detail["field"] for detail in answer.json["details"]] == [field]


async def test_variables_in_a_connection_have_their_values_when_it_is_tried(
    near: Api, tmp_path: Path
) -> None:
    async with aiosqlite.connect(tmp_path / "a.db") as file:
        await file.execute("CREATE TABLE t (a)")
    await near.post("/api/connections", _sqlite("file", Path("{{DIRECTORY}}/{{{{NAME}}.db")))
    missing = await near.post("/api/connections/file/test")
    assert missing["success"] is False
    assert missing["message"] == "No value for {{DIRECTORY}} in the connection 'file'."
    (tmp_path / "a.db").rename(tmp_path / "{{NAME}}.db")
    await near.post("/api/variables", {"name": "DIRECTORY", "value": str(tmp_path), "secret": True})
    assert (await near.post("/api/connections/file/test"))["success"] is True
    port = free_port()
    await near.post("/api/variables", {"name": "PW", "value": "p@ss/w0rd-s3cret", "secret": True})
    await near.post("/api/variables", {"name": "HOST", "value": f"127.0.0.1:{port}"})
    config = {"url": "redis://:{{PW}}@{{HOST}}", "username": "{{PW}}"}
    await near.post("/api/connections", {"name": "cache", "conn_type": "redis", "config": config})
    down = (await near.post("/api/connections/cache/test"))["message"]
    assert f"Could not connect to Redis at 127.0.0.1:{port}" in down
    await near.put("/api/variables/HOST", {"value": "127.0.0.1:1/x"})
    unsafe = (await near.post("/api/connections/cache/test"))["message"]
    assert unsafe == "{{HOST}} stands where a URL has its host and is no host, in the connection 'cache'."


def _sqlite(name: str, file: Path) -> dict[str, Any]:
    return {"name": name, "conn_type": "sqlite", "config": {"connection_string": str(file)}}


async def test_few_connections_are_tried_at_once_and_others_are_told_to_come_again() -> None:
    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    config = {"host": "127.0.0.1", "port": server.sockets[0].getsockname()[1]}
    trials = ConnectionTrials(Reach(), longest_secs=0.5)
    given = Given(GivenConnection(name="a", conn_type="ftp", config=config), ())
    attempts = [trials.attempt(given) for _ in range(MOST_AT_ONCE + 1)]
    *answers, refused = await asyncio.gather(*attempts, return_exceptions=True)
    server.close()
    assert isinstance(refused, Unavailable)
    message = "The server gave no complete answer within 0.5 s."
    assert answers == [{"success": False, "message": message, "agent": None}] * MOST_AT_ONCE
