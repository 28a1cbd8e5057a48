"""The mark of a restore that has begun: what it must not forget when it fails, and why nobody may serve then."""

from typing import Final

from tocsin_controller.store.copying import patient_session
from tocsin_controller.store.postgres.session import Queries
from tocsin_controller.store.statements import sql

_MAKE = sql("make_restore_mark")
_PUT = sql("put_restore_mark")
_FIND = sql("find_restore_mark")
_DROP = sql("drop_restore_mark")

#: For the operator.
UNFINISHED: Final = (
    "a restore of this database did not finish, so what is in it is no state to go on from: restore again"
)


async def mark_unfinished(session: Queries, seen_epoch: int) -> int:
    """A restore begins on a database of this epoch; the highest that any has seen since the last that finished."""
    await session.execute(_MAKE)
    highest: int = await session.fetchval(_PUT, seen_epoch)
    return highest


async def is_unfinished(session: Queries) -> bool:
    """Whether a restore has begun and did not finish."""
    found: bool = await session.fetchval(_FIND)
    return found


async def mark_finished(session: Queries) -> None:
    """The database may be used."""
    await session.execute(_DROP)


async def has_unfinished_restore(dsn: str) -> bool:
    """As `is_unfinished`, of a database that may have no schema. Raises Unavailable."""
    async with patient_session(dsn) as session:
        return await is_unfinished(session)
