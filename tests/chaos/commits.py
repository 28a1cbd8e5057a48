"""Sees, in what passes between a controller and PostgreSQL, when due jobs become runs: before and after the commit."""

import re
from collections.abc import Callable
from typing import Literal

from tests.chaos.proxy import Act, Side

_LAUNCH = b"INSERT INTO runs "
_STATEMENT = re.compile(rb"(__asyncpg_stmt_\w+__)\x00[^\x00]{0,4000}" + re.escape(_LAUNCH))
_COMMIT = b"COMMIT;"
#: The server is ready for another query; the last byte says whether a transaction is open.
_READY = b"Z\x00\x00\x00\x05"
_OPEN, _CLOSED = _READY + b"T", _READY + b"I"

Moment = Literal["before", "after"]


class Launches:
    """Watches a link from its first byte on, because a statement's text is sent once; acts when it is armed."""

    def __init__(self) -> None:
        self._moment: Moment | None = None
        self._do: Callable[[], Act] = _pass
        self._statements: dict[int, set[bytes]] = {}
        self._launching: set[int] = set()
        self._in_transaction: set[int] = set()

    def arm(self, moment: Moment, do: Callable[[], Act]) -> None:
        """At the next launch of runs, before or after it is committed, call back, once.

        What that returns becomes of the message: CUT at `before` is a launch that never happened, at `after` one
        that happened and whose author never hears of it.
        """
        self._moment, self._do = moment, do

    def __call__(self, number: int, side: Side, data: bytes) -> Act:
        return self._on_answer(number, data) if side == "down" else self._on_query(number, data)

    def _on_query(self, number: int, data: bytes) -> Act:
        known = self._statements.setdefault(number, set())
        is_bound = any(b"\x00" + name + b"\x00" in data for name in known)
        known.update(_STATEMENT.findall(data))
        if is_bound:
            self._launching.add(number)
        is_commit = is_bound if number not in self._in_transaction else _COMMIT in data
        return self._act("before") if number in self._launching and is_commit else Act.PASS

    def _on_answer(self, number: int, data: bytes) -> Act:
        if _OPEN in data:
            self._in_transaction.add(number)
        if _CLOSED not in data:
            return Act.PASS
        self._in_transaction.discard(number)
        if number not in self._launching:
            return Act.PASS
        self._launching.discard(number)
        return self._act("after")

    def _act(self, moment: Moment) -> Act:
        if moment != self._moment:
            return Act.PASS
        self._moment = None
        return self._do()


def _pass() -> Act:
    return Act.PASS
