"""Questions about encryption keys, and about rows whose values are sealed. Only ciphertext comes here."""

from dataclasses import dataclass

from tocsin_controller.store.database import Queries, Session
from tocsin_controller.store.statements import sql

_LIST_ENCRYPTION_KEYS = sql("list_encryption_keys")
_INSERT_ENCRYPTION_KEY = sql("insert_encryption_key")
_LOCK_ENCRYPTION_KEY = sql("lock_encryption_key")
_DELETE_ENCRYPTION_KEY = sql("delete_encryption_key")
_USES_OF_ENCRYPTION_KEY = sql("uses_of_encryption_key")
_STALE_VARIABLES = sql("stale_variables")
_RESEAL_VARIABLES = sql("reseal_variables")
_STALE_WEBHOOKS = sql("stale_webhooks")
_RESEAL_WEBHOOKS = sql("reseal_webhooks")
_DELETE_WEBHOOKS_OF_KEY = sql("delete_webhooks_of_key")
_DELETE_VARIABLES_OF_KEY = sql("delete_variables_of_key")
_STALE_CONNECTIONS = sql("stale_connections")
_RESEAL_CONNECTIONS = sql("reseal_connections")
_DELETE_CONNECTIONS_OF_KEY = sql("delete_connections_of_key")
_STALE_SETTINGS = sql("stale_settings")
_RESEAL_SETTINGS = sql("reseal_settings")
_DELETE_SETTINGS_OF_KEY = sql("delete_settings_of_key")


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed value and the name of its row."""

    name: str
    sealed: bytes


def variable_place(name: str) -> str:
    """What the value of a variable is bound to."""
    return f"variables/{name}"


async def known_keys(db: Queries) -> dict[bytes, bytes]:
    """The ids of the keys that values are sealed with, each with the value that tells the right key."""
    return {row["key_id"]: row["check_value"] for row in await db.fetch(_LIST_ENCRYPTION_KEYS)}


async def insert_key(conn: Queries, key_id: bytes, check_value: bytes) -> None:
    """From now on values may be sealed with this key."""
    await conn.execute(_INSERT_ENCRYPTION_KEY, key_id, check_value)


async def lock_key(conn: Session, key_id: bytes) -> None:
    """Nobody seals anything with this key until the transaction ends."""
    await conn.fetch(_LOCK_ENCRYPTION_KEY, key_id)


async def delete_key(conn: Session, key_id: bytes) -> None:
    """Nothing may be sealed with this key any more."""
    await conn.execute(_DELETE_ENCRYPTION_KEY, key_id)


async def uses_of_key(conn: Session, key_id: bytes) -> int:
    """How many values are sealed with this key."""
    found: int = await conn.fetchval(_USES_OF_ENCRYPTION_KEY, key_id)
    return found


async def stale_variables(conn: Queries, current_id: bytes, limit: int) -> list[Sealed]:
    """Variables that are sealed with another key than this, locked."""
    return [Sealed(*row) for row in await conn.fetch(_STALE_VARIABLES, current_id, limit)]


async def replace_sealed_variables(
    conn: Queries, rows: list[Sealed], fresh: list[bytes], key_id: bytes
) -> int:
    """The same values, sealed with this key; how many that were."""
    return await conn.execute(
        _RESEAL_VARIABLES, [row.name for row in rows], [row.sealed for row in rows], fresh, key_id
    )


def webhook_place(job_id: str) -> str:
    """What the secret of a job's webhook is bound to."""
    return f"webhooks/{job_id}"


async def stale_webhooks(conn: Queries, current_id: bytes, limit: int) -> list[Sealed]:
    """Webhooks whose secret is sealed with another key than this, locked; by the ids of their jobs."""
    return [Sealed(*row) for row in await conn.fetch(_STALE_WEBHOOKS, current_id, limit)]


async def replace_sealed_webhooks(
    conn: Queries, rows: list[Sealed], fresh: list[bytes], key_id: bytes
) -> int:
    """The same secrets, sealed with this key; how many that were."""
    return await conn.execute(
        _RESEAL_WEBHOOKS, [row.name for row in rows], [row.sealed for row in rows], fresh, key_id
    )


async def delete_webhooks_of_key(conn: Session, key_id: bytes) -> list[str]:
    """Delete the webhooks whose secret is sealed with this key; the ids of their jobs."""
    return [row["name"] for row in await conn.fetch(_DELETE_WEBHOOKS_OF_KEY, key_id)]


async def delete_variables_of_key(conn: Session, key_id: bytes) -> list[str]:
    """Delete the variables that are sealed with this key; their names."""
    return [row["name"] for row in await conn.fetch(_DELETE_VARIABLES_OF_KEY, key_id)]


def connection_place(name: str) -> str:
    """What the configuration of a connection is bound to."""
    return f"connections/{name}"


async def stale_connections(conn: Queries, current_id: bytes, limit: int) -> list[Sealed]:
    """Connections that are sealed with another key than this, locked."""
    return [Sealed(*row) for row in await conn.fetch(_STALE_CONNECTIONS, current_id, limit)]


async def replace_sealed_connections(
    conn: Queries, rows: list[Sealed], fresh: list[bytes], key_id: bytes
) -> int:
    """The same configurations, sealed with this key; how many that were."""
    return await conn.execute(
        _RESEAL_CONNECTIONS, [row.name for row in rows], [row.sealed for row in rows], fresh, key_id
    )


async def delete_connections_of_key(conn: Session, key_id: bytes) -> list[str]:
    """Delete the connections that are sealed with this key; their names."""
    return [row["name"] for row in await conn.fetch(_DELETE_CONNECTIONS_OF_KEY, key_id)]


def setting_place(key: str) -> str:
    """What a setting with secrets is bound to."""
    return f"settings/{key}"


async def stale_settings(conn: Queries, current_id: bytes, limit: int) -> list[Sealed]:
    """Settings that are sealed with another key than this, locked."""
    return [Sealed(*row) for row in await conn.fetch(_STALE_SETTINGS, current_id, limit)]


async def replace_sealed_settings(
    conn: Queries, rows: list[Sealed], fresh: list[bytes], key_id: bytes
) -> int:
    """The same settings, sealed with this key; how many that were."""
    return await conn.execute(
        _RESEAL_SETTINGS, [row.name for row in rows], [row.sealed for row in rows], fresh, key_id
    )


async def delete_settings_of_key(conn: Session, key_id: bytes) -> list[str]:
    """Delete the settings that are sealed with this key; which those were."""
    return [row["name"] for row in await conn.fetch(_DELETE_SETTINGS_OF_KEY, key_id)]
