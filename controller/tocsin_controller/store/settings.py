"""Questions about settings that hold for the whole fleet."""

from collections.abc import Sequence
from dataclasses import dataclass

from tocsin_controller.store.database import Queries, Record, Session
from tocsin_controller.store.statements import sql

_LIST_SETTINGS = sql("list_settings")
_PUT_SETTINGS = sql("put_settings")
_DELETE_SETTINGS = sql("delete_settings")
_SEALED_SETTING = sql("sealed_setting")
_LOCK_SETTINGS = sql("lock_settings")


@dataclass(frozen=True, slots=True)
class SettingRow:
    """A setting to be written."""

    key: str
    #: As it is shown: with masks, if it holds secrets.
    value: str
    #: All of it, and the id of the key, if it does.
    sealed: bytes | None = None
    key_id: bytes | None = None


async def stored_settings(db: Queries) -> dict[str, str]:
    """What was set; other keys have the configuration's values."""
    return {row["key"]: row["value"] for row in await db.fetch(_LIST_SETTINGS)}


async def lock_settings(session: Session) -> None:
    """Nobody else changes settings until this transaction ends."""
    await session.execute(_LOCK_SETTINGS)


async def setting_rows(db: Queries) -> dict[str, Record]:
    """The same as they are stored: `value` as it is shown, and `sealed` of those that hold secrets."""
    return {row["key"]: row for row in await db.fetch(_LIST_SETTINGS)}


async def sealed_setting(db: Queries, key: str) -> Record | None:
    """One setting as it is stored: `value`, and `sealed`, if it holds secrets; None when it was not set."""
    return await db.fetchrow(_SEALED_SETTING, key)


async def put_settings(session: Session, rows: Sequence[SettingRow], by: str) -> bool:
    """Sets these; False when one of them is sealed with a key that was retired."""
    stored = await session.fetch(
        _PUT_SETTINGS,
        [row.key for row in rows],
        [row.value for row in rows],
        [row.sealed for row in rows],
        [row.key_id for row in rows],
        by,
    )
    return len(stored) == len(rows)


async def delete_settings(session: Session, keys: Sequence[str]) -> None:
    """These keys have the configuration's values again."""
    if keys:
        await session.execute(_DELETE_SETTINGS, list(keys))


async def stored_days(db: Queries, key: str, otherwise: int) -> int:
    """A number of days that may have been set."""
    value = (await stored_settings(db)).get(key, "")
    return int(value) if value.isascii() and value.isdigit() else otherwise
