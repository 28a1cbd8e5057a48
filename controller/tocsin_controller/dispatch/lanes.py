"""Which lanes of the queue are believed to hold work, and where to start looking in each.

A lane is (route, priority). The lower bound keeps a claim from walking over entries that were claimed already
but can't be vacuumed yet (one idle transaction elsewhere is enough for that); without it throughput decays.
Beliefs may be wrong in both directions for a moment: a full scan every second puts them right.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tocsin_controller.store.leasing import Lane, NewWork

_START = 0


@dataclass(slots=True)
class _Belief:
    low: int
    #: Rows believed to be there; None when all that is known is that there are some.
    count: int | None
    #: Grows with every `add`, so that what a claim saw before it can't undo it.
    stamp: int


@dataclass(frozen=True, slots=True)
class Look:
    """Where a claim is about to look."""

    lane: Lane
    low: int
    #: How many rows to expect; None when that is not known.
    count: int | None
    stamp: int


class Lanes:
    """The beliefs of one controller."""

    def __init__(self) -> None:
        self._beliefs: dict[Lane, _Belief] = {}
        self._stamps = 0

    def __len__(self) -> int:
        return len(self._beliefs)

    def add(self, lane: Lane, work: NewWork | None = None) -> None:
        """Work was put into the lane; with None, nobody knows how much and where."""
        below = max(work.first - 1, _START) if work else _START
        count = work.rows if work else None
        self._stamps += 1
        known = self._beliefs.get(lane)
        if known is not None:
            below = min(known.low, below)
            count = None if known.count is None or count is None else known.count + count
        self._beliefs[lane] = _Belief(below, count, self._stamps)

    def replace(self, lanes: Iterable[Lane], *, seen_at: int) -> None:
        """A full scan, begun at `stamp()` == `seen_at`, saw exactly these: look from the start of each."""
        newer = {lane: belief for lane, belief in self._beliefs.items() if belief.stamp > seen_at}
        self._beliefs.clear()
        for lane in lanes:
            self.add(lane)
        for lane, belief in newer.items():
            self._beliefs.setdefault(lane, belief)

    def stamp(self) -> int:
        """A point in time, for `replace`."""
        return self._stamps

    def looks(self) -> Iterator[Look]:
        """Where there may be work, most urgent first."""
        for lane in sorted(self._beliefs, key=lambda lane: -lane.priority):
            belief = self._beliefs[lane]
            yield Look(lane, belief.low, belief.count, belief.stamp)

    def routes(self) -> Iterator[str]:
        """The routes that may hold work."""
        return (lane.route for lane in self._beliefs)

    def took(self, look: Look, last: int, count: int) -> None:
        """So many rows up to position `last` were taken, and nothing before `last` was left."""
        belief = self._beliefs.get(look.lane)
        if belief is None:
            return
        if belief.stamp == look.stamp:
            belief.low = max(belief.low, last)
        if belief.count is not None:
            belief.count -= count
            if belief.count <= 0:
                del self._beliefs[look.lane]

    def drop(self, look: Look) -> None:
        """The lane was seen empty."""
        belief = self._beliefs.get(look.lane)
        if belief is not None and belief.stamp == look.stamp:
            del self._beliefs[look.lane]
