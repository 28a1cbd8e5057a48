"""Questions about settings that hold for the whole fleet."""

from collections.abc import Mapping, Sequence

from tocsin_controller.store.database import Queries, Session
from tocsin_controller.store.statements import sql

_LIST_SETTINGS = sql("list_settings")
_PUT_SETTINGS = sql("put_settings")
_DELETE_SETTINGS = sql("delete_settings")
_LOCK_SETTINGS = sql("lock_settings")


async def stored_settings(db: Queries) -> dict[str, str]:
    """What was set; other keys have the configuration's values."""
    return {row["key"]: row["value"] for row in await db.fetch(_LIST_SETTINGS)}


async def lock_settings(session: Session) -> None:
    """Nobody else changes settings until this transaction ends."""
    await session.execute(_LOCK_SETTINGS)


async def put_settings(session: Session, values: Mapping[str, str], by: str) -> None:
    """Sets these keys."""
    if values:
        await session.execute(_PUT_SETTINGS, list(values), list(values.values()), by)


async def delete_settings(session: Session, keys: Sequence[str]) -> None:
    """These keys have the configuration's values again."""
    if keys:
        await session.execute(_DELETE_SETTINGS, list(keys))


async def stored_days(db: Queries, key: str, otherwise: int) -> int:
    """A number of days that may have been set."""
    value = (await stored_settings(db)).get(key, "")
    return int(value) if value.isascii() and value.isdigit() else otherwise
