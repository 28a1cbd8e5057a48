"""Doing a transaction again that PostgreSQL ended to break a deadlock, which is rare and harmless."""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar

import asyncpg

P = ParamSpec("P")
R = TypeVar("R")

#: Tries before it is left to the caller.
TRIES: Final = 3


def again_after_deadlock(change: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, Coroutine[Any, Any, R]]:
    """Call it again when it was the victim of a deadlock; nothing of the first try remains."""

    @wraps(change)
    async def tried(*args: P.args, **kwargs: P.kwargs) -> R:
        for _ in range(TRIES - 1):
            try:
                return await change(*args, **kwargs)
            except asyncpg.DeadlockDetectedError:
                continue
        return await change(*args, **kwargs)

    return tried
