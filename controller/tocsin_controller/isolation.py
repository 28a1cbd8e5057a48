"""Writing many things at once, and finding the one that can't be written: whose fault an error is."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import asyncpg

from tocsin_shared.errors import Unavailable

T = TypeVar("T")

#: The database says that somebody was in the way, not that something is wrong with what was written.
IN_THE_WAY = (
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
)
#: The same may well succeed later.
PASSING = (Unavailable, *IN_THE_WAY)
#: What a statement raises because of the values it was given; without the row at fault it would have worked.
BAD_DATA = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    ValueError,
    TypeError,
    OverflowError,
)


async def write_apart(
    items: Sequence[T],
    write: Callable[[Sequence[T]], Awaitable[None]],
    give_up: Callable[[T, Exception], Awaitable[None]],
) -> None:
    """Write all at once; if that fails, each by itself, and give up those that fail alone.

    What will pass (an outage, a lock) is raised at once: it is nobody's fault.
    """
    if not items:
        return
    try:
        await write(items)
    except PASSING:
        raise
    except Exception as error:  # noqa: BLE001  `give_up` tells of it
        if len(items) == 1:
            await give_up(items[0], error)
            return
    else:
        return
    for item in items:
        await write_apart([item], write, give_up)
