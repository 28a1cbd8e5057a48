"""Turns a shown key into a principal, without a query per request.

A remembered key is believed for `TRUST_SECS`. The sweep renews that trust for all remembered keys with one
query, so ten thousand agents cost one query every few seconds. A revoked key is forgotten at once, here and, by a
hint, on the other controllers; a hint that some key changed brings the next sweep forward.
When the database is away the trust runs out and `authenticate` raises Unavailable: nobody gets in by outage.
"""

import asyncio
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from tocsin_controller.security.roles import Principal, Role, Scope
from tocsin_controller.security.secrets import MAX_KEY_CHARS, hash_key
from tocsin_controller.store.database import Queries
from tocsin_controller.store.keys import StoredKey, key_by_hash, key_works, keys_gone, touch_keys
from tocsin_shared.errors import Unauthorized, Unavailable
from tocsin_shared.logs import log

KEYS_TOPIC = "keys"

#: How long an answer of the database is believed.
TRUST_SECS = 5.0
#: Trust is renewed this often, and last uses are written down.
SWEEP_SECS = 2.0
#: Hints bring a sweep forward, but not more often than this: a fleet that registers hints thousands of times.
SWEEP_GAP_SECS = 0.25
#: A key that was not shown for so long is forgotten.
FORGET_SECS = 600.0
#: Most keys remembered; ten thousand agents have one each.
CAPACITY = 50_000
#: `last_used_at` is this coarse, so that a busy key is not written all the time.
USE_PRECISION_SECS = 60.0
#: The same for agents' own credentials: their liveness is `agents.last_seen_at`.
AGENT_USE_PRECISION_SECS = 3600.0
#: Most last uses written by one statement.
_TOUCH_BATCH = 1000


@dataclass(slots=True)
class _Known:
    """A key that was shown lately."""

    principal: Principal
    key_hash: bytes
    expires_at: float | None  # Unix time
    trusted_until: float  # monotonic, as all below
    used_at: float
    noted_at: float


class KeyRing:
    """The keys of one controller's callers."""

    def __init__(
        self, db: Queries, *, trust_secs: float = TRUST_SECS, sweep_secs: float = SWEEP_SECS
    ) -> None:
        self._db = db
        self._trust_secs = trust_secs
        self._sweep_secs = sweep_secs
        self._known: dict[bytes, _Known] = {}
        self._generation = 0
        self._sweep_soon = asyncio.Event()

    async def authenticate(self, raw: str) -> Principal:
        """Whose key this is. Raises Unauthorized, or Unavailable when that can't be found out."""
        if not raw or len(raw) > MAX_KEY_CHARS:
            raise Unauthorized("this key is not valid")
        key_hash = hash_key(raw)
        now = time.monotonic()
        known = self._known.get(key_hash)
        if known is None or known.trusted_until < now:
            known = await self._look_up(key_hash)
        if not hmac.compare_digest(
            known.key_hash, key_hash
        ):  # pragma: no cover - the index compared it already
            raise Unauthorized("this key is not valid")
        if known.expires_at is not None and known.expires_at <= time.time():
            raise Unauthorized("this key has expired")
        known.used_at = now
        return known.principal

    async def still_works(self, key_id: UUID) -> bool:
        """Whether somebody who was let in by this key still would be. Raises Unavailable."""
        return await key_works(self._db, key_id)

    def forget(self, key_id: UUID) -> None:
        """The key was revoked: from now on it is looked up."""
        self._generation += 1
        for key_hash in [h for h, known in self._known.items() if known.principal.key_id == key_id]:
            del self._known[key_hash]

    def watch(self, subscribe: Callable[[str, Callable[[str | None], None]], None]) -> None:
        """Hears of changes: `keyring.watch(hints.subscribe)`."""
        subscribe(KEYS_TOPIC, self._on_hint)

    def _on_hint(self, rest: str | None) -> None:
        """`keys:<id>`: this key was revoked. `keys`, or None: some key may have changed."""
        try:
            self.forget(UUID(rest.removeprefix(":") if rest else ""))
        except ValueError:
            self._generation += 1
            self._sweep_soon.set()

    async def run(self) -> None:
        """Until cancelled: renew trust, note last uses. A database that is away only makes it wait."""
        while True:
            await asyncio.sleep(SWEEP_GAP_SECS)
            try:
                async with asyncio.timeout(max(self._sweep_secs - SWEEP_GAP_SECS, 0)):
                    await self._sweep_soon.wait()
            except TimeoutError:
                pass
            self._sweep_soon.clear()
            try:
                await self.sweep()
            except Unavailable:
                log.debug("key_sweep_skipped")

    async def sweep(self) -> None:
        """One pass of `run`."""
        asked_at = time.monotonic()
        for key_hash in [h for h, k in self._known.items() if asked_at - k.used_at > FORGET_SECS]:
            await self._note_use([self._known.pop(key_hash)], asked_at)
        by_id = {known.principal.key_id: key_hash for key_hash, known in self._known.items()}
        if by_id:
            generation = self._generation
            gone = await keys_gone(self._db, list(by_id))
            if generation == self._generation:
                self._renew(by_id, gone, asked_at)
        await self._note_use([k for k in self._known.values() if _should_note(k, asked_at)], asked_at)

    def _renew(self, by_id: dict[UUID, bytes], gone: set[UUID], asked_at: float) -> None:
        for key_id, key_hash in by_id.items():
            if key_id in gone:
                self._known.pop(key_hash, None)
            elif (known := self._known.get(key_hash)) is not None:
                known.trusted_until = asked_at + self._trust_secs

    async def _note_use(self, used: list[_Known], now: float) -> None:
        for start in range(0, len(used), _TOUCH_BATCH):
            batch = [k for k in used[start : start + _TOUCH_BATCH] if k.used_at > k.noted_at]
            if batch:
                await touch_keys(
                    self._db, [k.principal.key_id for k in batch], [max(now - k.used_at, 0) for k in batch]
                )
                for known in batch:
                    known.noted_at = max(now, known.used_at)

    async def _look_up(self, key_hash: bytes) -> _Known:
        asked_at = time.monotonic()
        generation = self._generation
        stored = await key_by_hash(self._db, key_hash)
        if stored is None or not stored.active:
            self._known.pop(key_hash, None)
            raise Unauthorized("this key is not valid")
        if stored.expires_at is not None and stored.expires_at <= datetime.now(UTC):
            raise Unauthorized("this key has expired")
        known = self._known.get(key_hash)
        if known is None:
            known = _known(stored, asked_at)
        known.trusted_until = asked_at + self._trust_secs
        if generation == self._generation:  # else: somebody was revoked while we asked
            self._remember(key_hash, known)
        return known

    def _remember(self, key_hash: bytes, known: _Known) -> None:
        if len(self._known) >= CAPACITY and key_hash not in self._known:
            self._known.pop(next(iter(self._known)))
        self._known[key_hash] = known


def revoked_topic(key_id: UUID) -> str:
    """What to hint when a key was revoked."""
    return f"{KEYS_TOPIC}:{key_id}"


def _known(stored: StoredKey, now: float) -> _Known:
    principal = Principal(
        stored.id,
        stored.name,
        Role(stored.role),
        stored.agent_id,
        stored.key_prefix,
        scopes=frozenset(map(Scope, stored.scopes)),
    )
    expires_at = stored.expires_at.timestamp() if stored.expires_at else None
    last_used = stored.last_used_at.timestamp() if stored.last_used_at else 0.0
    return _Known(principal, stored.key_hash, expires_at, now, now, now - max(time.time() - last_used, 0))


def _should_note(known: _Known, now: float) -> bool:
    precision = USE_PRECISION_SECS if known.principal.agent_id is None else AGENT_USE_PRECISION_SECS
    return now - known.noted_at > precision
