"""Keys over HTTP, and the first keys."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from tests.integration.api.conftest import Api, Serve

from tocsin_controller.security.bootstrap import BadPreset, ensure_bootstrap_keys, reset_admin
from tocsin_controller.security.keyring import KeyRing
from tocsin_controller.security.roles import Role
from tocsin_controller.store.database import Database
from tocsin_shared.errors import Unauthorized
from tocsin_shared.ids import new_id


async def test_a_key_is_shown_once_and_stored_as_a_hash(api: Api, connection: asyncpg.Connection) -> None:
    answer = await api.call("POST", "/api/keys", {"name": "ci", "role": "operator"})
    assert answer.status == 200
    made, raw = answer.json["key"], answer.json["raw_key"]
    assert raw.startswith("tsk_")
    assert raw.startswith(made["key_prefix"])
    assert (await api.with_key(raw).get("/api/auth/me"))["role"] == "operator"
    listed = (await api.get("/api/keys"))[0]
    assert {**listed, "last_used_at": None} == {**made, "last_used_at": None}
    stored = str([tuple(r) for r in await connection.fetch("SELECT * FROM api_keys")])
    stored += str([tuple(r) for r in await connection.fetch("SELECT * FROM events")])
    assert raw not in stored


async def test_a_revoked_key_stops_at_once_on_every_controller(serve: Serve) -> None:
    async with serve() as one, serve() as other:
        made = await one.api.post("/api/keys", {"name": "ci", "role": "viewer"})
        used = [api.with_key(made["raw_key"]) for api in (one.api, other.api)]
        for api in used:
            await api.get("/api/jobs")
        await one.api.delete(f"/api/keys/{made['key']['id']}")
        assert (await used[0].call("GET", "/api/jobs")).status == 401
        await asyncio.sleep(0.5)
        assert (await used[1].call("GET", "/api/jobs")).status == 401
        assert (await one.api.get("/api/keys"))[0]["active"] is False
        await one.api.delete(f"/api/keys/{made['key']['id']}")  # again is fine
        assert (await one.api.call("DELETE", f"/api/keys/{new_id()}")).status == 404


async def test_a_key_can_expire(api: Api) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=0.4)
    made = await api.post("/api/keys", {"name": "short", "role": "viewer", "expires_at": soon.isoformat()})
    await api.with_key(made["raw_key"]).get("/api/jobs")
    await asyncio.sleep(0.5)
    assert (await api.with_key(made["raw_key"]).call("GET", "/api/jobs")).status == 401
    past = await api.call(
        "POST", "/api/keys", {"name": "x", "role": "viewer", "expires_at": "2020-01-01T00:00:00Z"}
    )
    assert past.json["details"] == [{"field": "expires_at", "reason": "is in the past"}]


async def test_the_last_admin_key_stays(api: Api) -> None:
    mine = (await api.get("/api/auth/me"))["key_id"]
    answer = await api.call("DELETE", f"/api/keys/{mine}")
    assert (answer.status, answer.json["code"]) == (409, "conflict")
    await api.post("/api/keys", {"name": "second", "role": "admin"})
    await api.delete(f"/api/keys/{mine}")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "x"},
        {"name": "x", "role": "root"},
        {"name": "", "role": "viewer"},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["cron:all"]},
        {"name": "x", "role": "viewer", "scopes": ["cron:read"]},
        {"name": "x", "role": "scoped"},
        {"name": "x", "role": "scoped", "scopes": ["cron:read"]},
    ],
)
async def test_a_key_needs_a_name_and_either_a_role_or_scopes(api: Api, body: dict[str, Any]) -> None:
    assert (await api.call("POST", "/api/keys", body)).status == 400


async def test_keys_are_told_as_events(api: Api) -> None:
    made = await api.post("/api/keys", {"name": "ci", "role": "viewer"})
    await api.delete(f"/api/keys/{made['key']['id']}")
    events = (await api.get("/api/events"))["data"]
    assert [e["kind"] for e in events] == ["key.revoked", "key.created"]
    assert events[0]["message"] == "Key 'ci' was revoked (role viewer)"


async def test_last_use_is_noted(serve: Serve, database: Database) -> None:
    async with serve() as served:
        made = await served.api.post("/api/keys", {"name": "ci", "role": "viewer"})
        await served.api.with_key(made["raw_key"]).get("/api/jobs")
        await served.keyring.sweep()
        assert (await served.api.get("/api/keys"))[0]["last_used_at"] is not None


async def test_the_first_keys_are_made_once_however_many_controllers_start(database: Database) -> None:
    made = await asyncio.gather(*(ensure_bootstrap_keys(database) for _ in range(5)))
    first = [keys for keys in made if keys]
    assert len(first) == 1
    assert [role for role, _ in first[0]] == [Role.ADMIN, Role.AGENT]
    ring = KeyRing(database)
    for role, raw in first[0]:
        assert (await ring.authenticate(raw)).role is role
    assert await ensure_bootstrap_keys(database) == []


async def test_the_first_keys_can_be_preset_with_any_text(database: Database) -> None:
    await ensure_bootstrap_keys(database, "päss", "k")
    ring = KeyRing(database)
    assert (await ring.authenticate("päss")).role is Role.ADMIN
    assert (await ring.authenticate("k")).role is Role.AGENT


async def test_a_preset_that_cannot_work_is_refused(database: Database) -> None:
    for admin, agent in ((" x", "y"), ("a\nb", "y"), ("same", "same"), ("x" * 600, "y")):
        with pytest.raises(BadPreset):
            await ensure_bootstrap_keys(database, admin, agent)
    assert len(await ensure_bootstrap_keys(database)) == 2


async def test_the_admin_key_can_be_reset(database: Database) -> None:
    ((_, old), _) = await ensure_bootstrap_keys(database)
    new = await reset_admin(database)
    ring = KeyRing(database)
    assert (await ring.authenticate(new)).role is Role.ADMIN
    with pytest.raises(Unauthorized):
        await ring.authenticate(old)
