"""The key ring against a store that counts its questions."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tocsin_controller.security import keyring as module
from tocsin_controller.security.keyring import KeyRing
from tocsin_controller.security.roles import Role
from tocsin_controller.security.secrets import hash_key, new_secret
from tocsin_controller.store.keys import StoredKey
from tocsin_shared.errors import Unauthorized, Unavailable
from tocsin_shared.ids import new_id


class FakeStore:
    """Stands in for store/keys.py."""

    def __init__(self) -> None:
        self.keys: dict[bytes, StoredKey] = {}
        self.lookups = 0
        self.touched: list[UUID] = []
        self.is_away = False

    def add(self, raw: str, **more: Any) -> StoredKey:
        key = StoredKey(
            **{
                "id": new_id(),
                "name": "k",
                "role": "viewer",
                "key_prefix": raw[:11],
                "key_hash": hash_key(raw),
                "agent_id": None,
                "active": True,
                "created_by": None,
                "created_at": datetime.now(UTC),
                "expires_at": None,
                "last_used_at": None,
                **more,
            }
        )
        self.keys[key.key_hash] = key
        return key

    def revoke(self, key: StoredKey) -> None:
        self.keys[key.key_hash] = replace(key, active=False)

    async def key_by_hash(self, _db: object, key_hash: bytes) -> StoredKey | None:
        self._answer()
        self.lookups += 1
        return self.keys.get(key_hash)

    async def keys_gone(self, _db: object, ids: Sequence[UUID]) -> set[UUID]:
        self._answer()
        active = {key.id for key in self.keys.values() if key.active}
        return set(ids) - active

    async def touch_keys(self, _db: object, ids: Sequence[UUID], _secs_ago: Sequence[float]) -> None:
        self._answer()
        self.touched += ids

    def _answer(self) -> None:
        if self.is_away:
            raise Unavailable


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> FakeStore:
    fake = FakeStore()
    for name in ("key_by_hash", "keys_gone", "touch_keys"):
        monkeypatch.setattr(module, name, getattr(fake, name))
    return fake


@pytest.fixture
def ring(store: FakeStore) -> KeyRing:
    return KeyRing(None, trust_secs=0.05)  # type: ignore[arg-type]  # the store is a fake


async def test_a_key_is_looked_up_once_while_it_is_trusted(store: FakeStore, ring: KeyRing) -> None:
    key = store.add("raw", role="operator")
    for _ in range(5):
        principal = await ring.authenticate("raw")
    assert (principal.key_id, principal.role) == (key.id, Role.OPERATOR)
    assert store.lookups == 1


async def test_unknown_empty_and_endless_keys_are_not_valid(store: FakeStore, ring: KeyRing) -> None:
    for raw in ("", "nope", "x" * 10_000, "\udc80"):
        with pytest.raises(Unauthorized):
            await ring.authenticate(raw)
    assert store.lookups == 2


async def test_a_revoked_key_stops_working_when_trust_runs_out(store: FakeStore, ring: KeyRing) -> None:
    key = store.add("raw")
    await ring.authenticate("raw")
    store.revoke(key)
    await asyncio.sleep(0.06)
    with pytest.raises(Unauthorized):
        await ring.authenticate("raw")


async def test_a_revocation_that_is_heard_of_acts_at_once(store: FakeStore, ring: KeyRing) -> None:
    key = store.add("raw")
    await ring.authenticate("raw")
    store.revoke(key)
    ring._on_hint(f":{key.id}")
    with pytest.raises(Unauthorized):
        await ring.authenticate("raw")


async def test_a_look_up_that_began_before_a_revocation_is_not_remembered(
    store: FakeStore, ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = store.add("raw")
    genuine = store.key_by_hash

    async def slow(db: object, key_hash: bytes) -> StoredKey | None:
        found = await genuine(db, key_hash)
        store.revoke(key)
        ring.forget(key.id)
        return found

    monkeypatch.setattr(module, "key_by_hash", slow)
    await ring.authenticate("raw")  # it was valid when it was asked
    monkeypatch.setattr(module, "key_by_hash", genuine)
    with pytest.raises(Unauthorized):
        await ring.authenticate("raw")


async def test_the_sweep_renews_trust_for_all_keys_with_one_question(store: FakeStore, ring: KeyRing) -> None:
    for n in range(10):
        store.add(f"raw{n}")
        await ring.authenticate(f"raw{n}")
    await asyncio.sleep(0.06)
    await ring.sweep()
    for n in range(10):
        await ring.authenticate(f"raw{n}")
    assert store.lookups == 10


async def test_a_hint_that_some_key_changed_brings_the_sweep_forward(
    store: FakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SWEEP_GAP_SECS", 0.01)
    ring = KeyRing(None, sweep_secs=60)  # type: ignore[arg-type]  # the store is a fake
    key = store.add("raw")
    await ring.authenticate("raw")
    sweeper = asyncio.create_task(ring.run())
    store.revoke(key)
    for hint in ("", None):
        ring._on_hint(hint)
    await asyncio.sleep(0.05)
    sweeper.cancel()
    with pytest.raises(Unauthorized):
        await ring.authenticate("raw")


async def test_the_sweep_forgets_revoked_keys(store: FakeStore, ring: KeyRing) -> None:
    key = store.add("raw")
    await ring.authenticate("raw")
    store.revoke(key)
    await ring.sweep()
    with pytest.raises(Unauthorized):
        await ring.authenticate("raw")


async def test_an_expired_key_is_refused_although_it_is_remembered(store: FakeStore, ring: KeyRing) -> None:
    store.add("raw", expires_at=datetime.now(UTC) + timedelta(seconds=0.03))
    await ring.authenticate("raw")
    await asyncio.sleep(0.04)
    with pytest.raises(Unauthorized, match="expired"):
        await ring.authenticate("raw")


async def test_nobody_gets_in_by_an_outage(store: FakeStore, ring: KeyRing) -> None:
    store.add("raw")
    await ring.authenticate("raw")
    store.is_away = True
    await ring.authenticate("raw")  # still trusted
    await asyncio.sleep(0.06)
    with pytest.raises(Unavailable):
        await ring.authenticate("raw")


async def test_last_uses_are_noted_now_and_then(store: FakeStore, ring: KeyRing) -> None:
    key = store.add("raw")
    await ring.authenticate("raw")
    await ring.sweep()
    await ring.authenticate("raw")
    await ring.sweep()
    assert store.touched == [key.id]


async def test_a_recent_last_use_is_not_noted_again(store: FakeStore, ring: KeyRing) -> None:
    store.add("raw", last_used_at=datetime.now(UTC) - timedelta(seconds=10))
    await ring.authenticate("raw")
    await ring.sweep()
    assert store.touched == []


def test_made_keys_are_long_random_and_stored_as_a_hash() -> None:
    one, other = new_secret(), new_secret()
    assert one.raw.startswith("tsk_")
    assert len(one.raw) == 4 + 43
    assert one.raw != other.raw
    assert one.raw not in repr(one)
    assert one.hash == hash_key(one.raw)
    assert one.prefix == one.raw[:11]
