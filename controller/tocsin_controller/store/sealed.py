"""Questions about encryption keys, and about rows whose values are sealed. Only ciphertext comes here."""

from dataclasses import dataclass

from tocsin_controller.store.database import Queries, Session
from tocsin_controller.store.statements import sql

_LIST_ENCRYPTION_KEYS = sql("list_encryption_keys")
_INSERT_ENCRYPTION_KEY = sql("insert_encryption_key")
_LOCK_ENCRYPTION_KEY = sql("lock_encryption_key")
_DELETE_ENCRYPTION_KEY = sql("delete_encryption_key")
_USES_OF_ENCRYPTION_KEY = sql("uses_of_encryption_key")


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed value and the name of its row."""

    name: str
    sealed: bytes


class SealedColumn:
    """A column of sealed values: what is bound to a row's name, which of them are old, and what a lost key takes."""

    def __init__(self, table: str, *, kind: str) -> None:
        """The statements are those named `stale_…`, `reseal_…` and `delete_…_of_key` after the table.

        kind: what people call one of its rows, to be followed by the row's name.
        """
        self.kind = kind
        self._table = table
        self._stale = sql(f"stale_{table}")
        self._reseal = sql(f"reseal_{table}")
        self._delete_of_key = sql(f"delete_{table}_of_key")

    def place(self, name: str) -> str:
        """What the value of the row with this name is bound to."""
        return f"{self._table}/{name}"

    async def stale(self, conn: Queries, current_id: bytes, limit: int) -> list[Sealed]:
        """Rows that are sealed with another key than this, locked."""
        return [Sealed(*row) for row in await conn.fetch(self._stale, current_id, limit)]

    async def replace(self, conn: Queries, rows: list[Sealed], fresh: list[bytes], key_id: bytes) -> int:
        """The same values, sealed with this key; how many that were."""
        return await conn.execute(
            self._reseal, [row.name for row in rows], [row.sealed for row in rows], fresh, key_id
        )

    async def delete_of_key(self, conn: Session, key_id: bytes) -> list[str]:
        """Delete what is sealed with this key; the rows' names."""
        return [row["name"] for row in await conn.fetch(self._delete_of_key, key_id)]


#: Secret variables, by their names.
VARIABLES = SealedColumn("variables", kind="variable")
#: Secrets of webhooks, by the ids of their jobs.
WEBHOOKS = SealedColumn("webhooks", kind="webhook of job")
#: Configurations of connections, by their names.
CONNECTIONS = SealedColumn("connections", kind="connection")
#: Settings with secrets, by their keys.
SETTINGS = SealedColumn("settings", kind="setting")
#: Every column that holds sealed values: rotation goes through all of them.
COLUMNS = (VARIABLES, WEBHOOKS, CONNECTIONS, SETTINGS)


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
