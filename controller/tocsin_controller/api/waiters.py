"""How many requests without a foreseeable end are answered at once: streams, and waiting for the end of a run.

Each asks the database again and again, and none is counted by the minute while it lasts.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from aiohttp import web

from tocsin_shared.errors import TooManyRequests

#: With one key, and at one controller.
MOST_OF_A_KEY: Final = 50
MOST: Final = 1_000
_AGAIN_SECS: Final = 10


def is_reader_gone(request: web.Request) -> bool:
    """Whether nobody is there any more to take the answer."""
    return request.transport is None or request.transport.is_closing()


class Waiters:
    """Those of one controller."""

    def __init__(self) -> None:
        self._by_key: Counter[UUID] = Counter()

    @contextmanager
    def place(self, key_id: UUID) -> Iterator[None]:
        """One of them, until the block ends. Raises TooManyRequests."""
        if self._by_key[key_id] >= MOST_OF_A_KEY:
            raise TooManyRequests(
                f"{MOST_OF_A_KEY} streams and waits with this key are open; end one first",
                retry_after_secs=_AGAIN_SECS,
            )
        if self._by_key.total() >= MOST:
            raise TooManyRequests(
                f"{MOST} streams and waits are open at this controller", retry_after_secs=_AGAIN_SECS
            )
        self._by_key[key_id] += 1
        try:
            yield
        finally:
            self._by_key[key_id] -= 1
            if not self._by_key[key_id]:
                del self._by_key[key_id]
