"""Questions about API keys. Only hashes come here, never a key."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tocsin_controller.store.database import Queries
from tocsin_controller.store.statements import sql
from tocsin_shared.errors import Conflict
from tocsin_shared.ids import new_id

_KEY_BY_HASH = sql("key_by_hash")
_KEYS_GONE = sql("keys_gone")
_KEY_WORKS = sql("key_works")
_LIST_KEYS = sql("list_keys")
_INSERT_KEY = sql("insert_key")
_REVOKE_KEY = sql("revoke_key")
_REVOKE_KEYS_OF_AGENT = sql("revoke_keys_of_agent")
_REVOKE_ADMIN_KEYS = sql("revoke_admin_keys")
_ACTIVE_KEY_EXISTS = sql("active_key_exists")
_OTHER_ADMIN_EXISTS = sql("other_admin_exists")
_LOCK_BOOTSTRAP = sql("lock_bootstrap")
_TOUCH_KEYS = sql("touch_keys")


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key as it is stored; the key itself is not."""

    id: UUID
    name: str
    role: str
    key_prefix: str
    key_hash: bytes
    #: The one agent this key speaks for; None for keys that people made.
    agent_id: UUID | None
    active: bool
    created_by: str | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    #: What a key of the role `scoped` is for.
    scopes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to store."""

    name: str
    role: str
    key_prefix: str
    key_hash: bytes
    agent_id: UUID | None = None
    created_by: str | None = None
    expires_at: datetime | None = None
    scopes: Sequence[str] = ()


async def key_by_hash(db: Queries, key_hash: bytes) -> StoredKey | None:
    """The key with this hash, active or not."""
    row = await db.fetchrow(_KEY_BY_HASH, key_hash)
    return StoredKey(**row) if row else None


async def keys_gone(db: Queries, key_ids: Sequence[UUID]) -> set[UUID]:
    """Which of these keys are revoked or deleted."""
    return {row["id"] for row in await db.fetch(_KEYS_GONE, list(key_ids))}


async def key_works(db: Queries, key_id: UUID) -> bool:
    """Whether this key is there, not revoked and not expired."""
    works: bool = await db.fetchval(_KEY_WORKS, key_id)
    return works


async def list_keys(db: Queries, *, limit: int = 1000) -> list[StoredKey]:
    """Keys that people made, newest first, revoked ones included. Agents' own credentials are not listed."""
    return [StoredKey(**row) for row in await db.fetch(_LIST_KEYS, limit)]


async def insert_key(conn: Queries, key: NewKey) -> StoredKey | None:
    """Stores a key; None when its hash is stored already."""
    row = await conn.fetchrow(
        _INSERT_KEY,
        new_id(),
        key.name,
        key.role,
        key.key_prefix,
        key.key_hash,
        key.agent_id,
        key.created_by,
        key.expires_at,
        list(key.scopes),
    )
    return StoredKey(**row) if row else None


async def insert_credential(conn: Queries, agent_id: UUID, name: str, key_hash: bytes) -> UUID:
    """Stores the secret that an agent made for itself; it replaces the agent's earlier one.

    After the commit the controller hints `keys`, so that the earlier one stops working everywhere.
    """
    await conn.execute(_REVOKE_KEYS_OF_AGENT, agent_id, key_hash)
    stored = await insert_key(conn, NewKey(name, "agent", "", key_hash, agent_id=agent_id))
    if stored is None:
        stored = await key_by_hash(conn, key_hash)
        if stored is None or stored.agent_id != agent_id or not stored.active:
            raise Conflict("this credential is in use elsewhere")
    return stored.id


async def revoke_key(conn: Queries, key_id: UUID) -> StoredKey | None:
    """Ends a key; None when there is none with this id."""
    row = await conn.fetchrow(_REVOKE_KEY, key_id)
    return StoredKey(**row) if row else None


async def revoke_admin_keys(conn: Queries) -> int:
    """Ends every admin key; how many that were."""
    return await conn.execute(_REVOKE_ADMIN_KEYS)


async def other_admin_exists(conn: Queries, key_id: UUID) -> bool:
    """Whether somebody could still manage keys without this one."""
    found: bool = await conn.fetchval(_OTHER_ADMIN_EXISTS, key_id)
    return found


async def lock_bootstrap(conn: Queries) -> None:
    """Only one transaction at a time looks whether there are keys and makes the first."""
    await conn.execute(_LOCK_BOOTSTRAP)


async def active_key_exists(conn: Queries) -> bool:
    """Whether anybody could use the API."""
    found: bool = await conn.fetchval(_ACTIVE_KEY_EXISTS)
    return found


async def touch_keys(db: Queries, key_ids: Sequence[UUID], used_secs_ago: Sequence[float]) -> None:
    """Notes when keys were last used."""
    await db.execute(_TOUCH_KEYS, list(key_ids), list(used_secs_ago))
