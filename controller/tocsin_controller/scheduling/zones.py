"""IANA time zones as stretches of unchanging UTC offset.

Times are whole seconds since 1970. zoneinfo answers "what is the offset at this instant?"; scheduling also
has to know where the stretch of that offset begins and ends, so transitions are found by probing and kept.
The caches live as long as the process: a new tz database takes effect after a restart.
"""

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_DAY_SECS = 86_400

#: Instants outside these can't be told as local time in every zone.
FIRST_MOMENT = (datetime(1, 1, 10, tzinfo=UTC) - EPOCH) // _SECOND
LAST_MOMENT = (datetime(9999, 12, 20, tzinfo=UTC) - EPOCH) // _SECOND

#: The transitions of a zone are found one window (about 388 days) at a time.
_WINDOW_SECS = 1 << 25
#: How far a window looks beyond its ends, so that a transition close by is known on both sides of the seam.
_MARGIN_SECS = 4 * _DAY_SECS
#: Two transitions closer together than this could be overlooked. No zone of the tz database had or has two
#: within 95 hours.
_PROBE_SECS = 2 * _DAY_SECS


class UnknownZone(ValueError):
    """There is no such time zone. The message is a sentence."""


class Period(NamedTuple):
    """The instants `start <= t < end` during which local time is t + `offset`."""

    start: int
    end: int
    offset: int
    #: The offset until `start` and from `end` on. Equal to `offset` at the seam of two windows.
    offset_before: int
    offset_after: int


def known_zones() -> frozenset[str]:
    """Every zone a job may name. Only the first call reads the tz database's directory."""
    return _known_zones()


def load_zone(name: str) -> ZoneInfo:
    """The zone called `name`. No file is opened unless it is a known one. Raises UnknownZone."""
    if name not in known_zones():
        raise UnknownZone(_why_unknown(name))
    return ZoneInfo(name)


def period_at(name: str, moment: int) -> Period:
    """The stretch of unchanging offset around `moment`, cut at the ends of a window. Raises UnknownZone."""
    starts, periods = _window(name, moment // _WINDOW_SECS)
    return periods[max(bisect_right(starts, moment) - 1, 0)]


@lru_cache(maxsize=1)
def _known_zones() -> frozenset[str]:
    # Both are in the directory but name no place: one is the host's own setting, one "not configured".
    return frozenset(available_timezones() - {"localtime", "Factory"})


@lru_cache(maxsize=4096)
def _window(name: str, index: int) -> tuple[list[int], list[Period]]:
    zone = load_zone(name)
    first = max(index * _WINDOW_SECS - _MARGIN_SECS, FIRST_MOMENT - _DAY_SECS)
    last = min((index + 1) * _WINDOW_SECS + _MARGIN_SECS, LAST_MOMENT + _DAY_SECS)
    changes = _transitions(zone, first, last)
    starts = [first, *changes]
    ends = [*changes, last]
    offsets = [_offset_at(zone, start) for start in starts]
    before = [offsets[0], *offsets[:-1]]
    after = [*offsets[1:], offsets[-1]]
    return starts, [Period(*row) for row in zip(starts, ends, offsets, before, after, strict=True)]


def _transitions(zone: ZoneInfo, first: int, last: int) -> list[int]:
    """The instants after `first` and before `last` from which another offset applies."""
    found = []
    earlier, earlier_offset = first, _offset_at(zone, first)
    while earlier < last:
        later = min(earlier + _PROBE_SECS, last)
        later_offset = _offset_at(zone, later)
        if later_offset != earlier_offset:
            change = _first_with_new_offset(zone, earlier, later, earlier_offset)
            if change < last:
                found.append(change)
        earlier, earlier_offset = later, later_offset
    return found


def _first_with_new_offset(zone: ZoneInfo, low: int, high: int, old_offset: int) -> int:
    while high - low > 1:
        middle = (low + high) // 2
        if _offset_at(zone, middle) == old_offset:
            low = middle
        else:
            high = middle
    return high


def _offset_at(zone: ZoneInfo, moment: int) -> int:
    offset = (EPOCH + timedelta(seconds=moment)).astimezone(zone).utcoffset()
    assert offset is not None  # noqa: S101 - a ZoneInfo always has one; for the type checker
    return offset // _SECOND


def _why_unknown(name: str) -> str:
    if not name:
        return "the time zone is empty"
    shown = name if len(name) <= 60 else name[:59] + "…"
    similar = get_close_matches(name, known_zones(), n=1, cutoff=0.7) if len(name) <= 60 else []
    hint = f"did you mean {similar[0]}?" if similar else "use an IANA name such as Europe/Berlin or UTC"
    return f"'{shown}' is not a known time zone; {hint}"
