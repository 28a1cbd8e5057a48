"""Variables over HTTP, and what of them reaches the database."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from tests.integration.api.conftest import Api, Serve

from tocsin_controller.security.key_error import EncryptionKeyError
from tocsin_controller.security.sealing import Vault, new_key, parse_keys
from tocsin_controller.security.vault_keys import check_keys, forget_key, rotate
from tocsin_controller.store.database import Database

MASK = "\u2022" * 8
KEY, NEWER = new_key(), new_key()


def vault(*keys: str) -> Vault:
    return Vault(parse_keys(",".join(keys)))


@pytest.fixture
async def api(serve: Serve, database: Database) -> AsyncIterator[Api]:
    """Of a controller with an encryption key."""
    async with serve(encryption_key=KEY) as served:
        await check_keys(database, served.engine.vault)
        yield served.api


async def dump(connection: asyncpg.Connection) -> str:
    """Everything that people could read in the tables where variables might show."""
    tables = ("variables", "events", "encryption_keys", "idempotency_keys", "audit_log")
    rows = [str([tuple(r) for r in await connection.fetch(f"SELECT * FROM {table}")]) for table in tables]  # noqa: S608  fixed names
    return "".join(rows)


async def test_a_variable_is_created_read_changed_and_deleted(api: Api) -> None:
    made = await api.post("/api/variables", {"name": "API_HOST", "value": "https://a"})
    assert {k: made[k] for k in made if k != "updated_at"} == {
        "name": "API_HOST", "value": "https://a", "secret": False,
    }  # fmt: skip
    changed = await api.put("/api/variables/API_HOST", {"value": "https://b"})
    assert changed["value"] == "https://b"
    assert await api.get("/api/variables") == [changed]
    assert await api.put("/api/variables/API_HOST", changed) == changed
    await api.delete("/api/variables/API_HOST")
    for method in ("GET", "DELETE"):
        assert (await api.call(method, "/api/variables/API_HOST")).status == 404
    assert (await api.call("PUT", "/api/variables/API_HOST", {"value": "x"})).status == 404
    kinds = [event["kind"] for event in (await api.get("/api/events"))["data"]]
    assert [k for k in kinds if k.startswith("variable.")] == [
        "variable.deleted", "variable.updated", "variable.created",
    ]  # fmt: skip


async def test_a_secret_is_masked_everywhere_and_encrypted_in_the_database(
    api: Api, connection: asyncpg.Connection
) -> None:
    made = await api.post("/api/variables", {"name": "PW", "value": "s3cret-text", "secret": True})
    assert made["value"] == MASK
    assert (await api.get("/api/variables"))[0]["value"] == MASK
    assert (await api.get("/api/variables/PW"))["value"] == MASK
    assert (await api.put("/api/variables/PW", {"value": "s3cret-next"}))["value"] == MASK
    stored = await dump(connection)
    assert "s3cret" not in stored
    assert b"s3cret".hex() not in stored


async def test_the_mask_sent_back_keeps_the_value(api: Api, connection: asyncpg.Connection) -> None:
    made = await api.post("/api/variables", {"name": "PW", "value": "s3cret", "secret": True})
    before = await connection.fetchval("SELECT sealed FROM variables")
    assert await api.put("/api/variables/PW", made) == made
    assert await connection.fetchval("SELECT sealed FROM variables") == before
    answer = await api.call("POST", "/api/variables", {"name": "B", "value": MASK, "secret": True})
    assert answer.status == 400


async def test_a_secret_shows_its_value_to_nobody_who_turns_it_into_an_ordinary_variable(api: Api) -> None:
    await api.post("/api/variables", {"name": "PW", "value": "s3cret", "secret": True})
    for body in ({"secret": False}, {"secret": False, "value": MASK}):
        answer = await api.call("PUT", "/api/variables/PW", body)
        assert answer.status == 400
        assert answer.json["details"][0]["field"] == "value"
    assert (await api.put("/api/variables/PW", {"secret": False, "value": "new"}))["value"] == "new"
    assert (await api.put("/api/variables/PW", {"secret": True}))["value"] == MASK


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "a b", "value": "x"}, "name"),
        ({"name": "", "value": "x"}, "name"),
        ({"name": "ä", "value": "x"}, "name"),
        ({"name": "N" * 129, "value": "x"}, "name"),
        ({"name": "A"}, "value"),
        ({"name": "A", "value": "x" * 32_769}, "value"),
        ({"name": "A", "value": "é" * 20_000}, "value"),
        ({"name": "A", "value": "x\x00"}, "value"),
        ({"name": "A", "value": "x", "expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
        ({"name": "A", "value": "x", "sekret": True}, "sekret"),
    ],
)
async def test_bad_input_is_refused_by_field(api: Api, body: dict[str, Any], field: str) -> None:
    answer = await api.call("POST", "/api/variables", body)
    assert answer.status == 400
    assert [detail["field"] for detail in answer.json["details"]] == [field]


async def test_a_name_that_is_in_use_is_a_conflict(api: Api) -> None:
    await api.post("/api/variables", {"name": "A", "value": "x"})
    assert (await api.call("POST", "/api/variables", {"name": "A", "value": "y"})).status == 409


async def test_viewers_read_and_agents_see_nothing(api: Api) -> None:
    await api.post("/api/variables", {"name": "A", "value": "x"})
    assert (await api.as_role("viewer").call("GET", "/api/variables")).status == 200
    assert (await api.as_role("viewer").call("PUT", "/api/variables/A", {"value": "y"})).status == 403
    assert (await api.as_role("agent").call("GET", "/api/variables/A")).status == 403


async def test_the_list_comes_in_pieces_by_name(api: Api) -> None:
    for name in ("b", "A", "_c", "B2"):
        await api.post("/api/variables", {"name": name, "value": "x"})
    first = await api.get("/api/variables?limit=3")
    rest = await api.get(f"/api/variables?limit=3&after={first[-1]['name']}")
    assert [one["name"] for one in first + rest] == ["A", "B2", "_c", "b"]
    assert [one["name"] for one in await api.get("/api/variables?search=b")] == ["B2", "b"]


async def test_an_expiry_can_be_set_and_cleared(api: Api) -> None:
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    made = await api.post("/api/variables", {"name": "A", "value": "x", "expires_at": soon})
    assert datetime.fromisoformat(made["expires_at"]) == datetime.fromisoformat(soon)
    assert "expires_at" in await api.put("/api/variables/A", {"value": "y"})
    assert "expires_at" not in await api.put("/api/variables/A", {"expires_at": None})


async def test_without_a_key_secrets_are_refused_and_others_are_not(serve: Serve) -> None:
    async with serve() as served:
        body = {"name": "A", "value": "x"}
        answer = await served.api.call("POST", "/api/variables", {**body, "secret": True})
        assert answer.status == 400
        assert "TOCSIN_ENCRYPTION_KEY" in answer.json["error"]
        await served.api.post("/api/variables", body)
        assert (await served.api.call("PUT", "/api/variables/A", {"secret": True})).status == 400


async def test_another_key_or_none_is_noticed_at_the_start(api: Api, database: Database) -> None:
    for wrong in (vault(NEWER), Vault()):
        with pytest.raises(EncryptionKeyError, match="was given"):
            await check_keys(database, wrong)
    await check_keys(database, vault(KEY))


async def test_rotation_encrypts_everything_anew_and_retires_the_old_key(
    api: Api, database: Database, connection: asyncpg.Connection
) -> None:
    for number in range(3):
        body = {"name": f"PW{number}", "value": f"text {number}", "secret": True}
        await api.post("/api/variables", body)
    await api.post("/api/variables", {"name": "PLAIN", "value": "x"})

    done = await rotate(database, vault(NEWER, KEY))
    assert (done.resealed, done.retired) == (3, [vault(KEY).current_id])
    assert (await rotate(database, vault(NEWER))).resealed == 0
    rows = await connection.fetch("SELECT name, sealed FROM variables WHERE sealed IS NOT NULL ORDER BY name")
    opened = [vault(NEWER).unseal(row["sealed"], f"variables/{row['name']}") for row in rows]
    assert opened == ["text 0", "text 1", "text 2"]

    # The controller of `api` still has the old key only: it can't add to what nobody could read any more.
    late = await api.call("PUT", "/api/variables/PW0", {"value": "late"})
    assert late.status == 409
    assert "rotated out" in late.json["error"]


async def test_a_lost_key_can_be_given_up(api: Api, database: Database) -> None:
    await api.post("/api/variables", {"name": "PW", "value": "x", "secret": True})
    await api.post("/api/variables", {"name": "PLAIN", "value": "x"})
    lost = vault(KEY).current_id
    assert lost is not None
    assert await forget_key(database, lost) == ["variable PW"]
    await check_keys(database, vault(NEWER))
    assert [one["name"] for one in await api.get("/api/variables")] == ["PLAIN"]
