"""Sees, in what passes between a controller and PostgreSQL, when due jobs become runs: before and after the commit."""

import re
from collections.abc import Callable
from typing import Literal

from tests.chaos.proxy import Act, Side

_LAUNCH = b"INSERT INTO runs "
_STATEMENT = re.compile(rb"(__asyncpg_stmt_\w+__)\x00[^\x00]{0,4000}" + re.escape(_LAUNCH))
_COMMIT, _COMMITTED = b"COMMIT;", b"C\x00\x00\x00\x0bCOMMIT\x00"

Moment = Literal["during", "before", "after"]


class Launches:
    """Watches a link from its first byte on, because a statement's text is sent once; acts when it is armed."""

    def __init__(self) -> None:
        self._moment: Moment | None = None
        self._do: Callable[[], Act] = _pass
        self._statements: dict[int, set[bytes]] = {}
        self._launching: set[int] = set()

    def arm(self, moment: Moment, do: Callable[[], Act]) -> None:
        """At the next launch of runs, at this moment before, of or after its commit, call back, once.

        At `during` due jobs are locked and nothing is written. What the callback returns becomes of the message: CUT
        at `before` is a transaction that never happened, at `after`
        one that happened and whose author never hears of it.
        """
        self._moment, self._do = moment, do

    def __call__(self, number: int, side: Side, data: bytes) -> Act:
        if side == "down":
            if number in self._launching and _COMMITTED in data:
                self._launching.discard(number)
                return self._act("after")
            return Act.PASS
        known = self._statements.setdefault(number, set())
        known.update(_STATEMENT.findall(data))
        is_bound = any(b"\x00" + name + b"\x00" in data for name in known)
        if _LAUNCH in data or is_bound:
            self._launching.add(number)
        if is_bound and _LAUNCH not in data:
            act = self._act("during")
            if act is not Act.PASS:
                return act
        if number in self._launching and _COMMIT in data:
            return self._act("before")
        return Act.PASS

    def _act(self, moment: Moment) -> Act:
        if moment != self._moment:
            return Act.PASS
        self._moment = None
        return self._do()


def _pass() -> Act:
    return Act.PASS
