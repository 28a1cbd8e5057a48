"""Which run made good which due window: the earliest deadline first, which is optimal for windows and points."""

from collections.abc import Sequence
from heapq import heappop, heappush
from typing import NamedTuple


class Window(NamedTuple):
    """An occurrence: a run that starts from `opens` to `closes` makes it good."""

    opens: int
    closes: int


class Match(NamedTuple):
    """Indices of windows without a run, and of runs without a window."""

    missed: list[int]
    extra: list[int]


def match(windows: Sequence[Window], starts: Sequence[int]) -> Match:
    """Give each start, in order, to the open window that closes first. Each window takes one."""
    order = sorted(range(len(windows)), key=lambda k: windows[k].opens)
    waiting: list[tuple[int, int]] = []
    hit: set[int] = set()
    extra: list[int] = []
    opened = 0
    for run in sorted(range(len(starts)), key=starts.__getitem__):
        start = starts[run]
        while opened < len(order) and windows[order[opened]].opens <= start:
            heappush(waiting, (windows[order[opened]].closes, order[opened]))
            opened += 1
        while waiting and waiting[0][0] < start:
            heappop(waiting)
        if waiting:
            hit.add(heappop(waiting)[1])
        else:
            extra.append(run)
    return Match([k for k in range(len(windows)) if k not in hit], extra)
