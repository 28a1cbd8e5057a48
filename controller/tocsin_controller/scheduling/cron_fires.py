"""When a cron expression is due in a time zone, across clock changes.

Two kinds of schedule, told apart as Vixie cron does:

- **Fixed time** (`0 30 2 * * *`): people mean that time of the day. `dst` says what happens when it comes
  twice or not at all.
- **Elapsed time** (the hour or minute field begins with `*` or names every value, as in `0 */10 * * * *`):
  people mean "every so often". It runs whenever the wall clock matches, on every real hour of the autumn
  night, and nothing is made up for the hour that spring leaves out. `dst` does not change it.

A fixed time inside the gap runs at the first instant after it (`dst` once and twice), however large the gap:
a zone that leaves out a whole day (Pacific/Apia, 2011-12-30) runs that day's fires as the next one begins.
All fixed times inside one gap, and a regular fire at its end, fall on the same instant and are one fire: an
instant is due once (G1). A repeated time is due on its first occurrence, on its second only with `twice`.

A zone is a row of periods, and within one period local and real time differ by a constant. So both questions
here walk the periods and ask the expression about a stretch of wall clock time. Answers rise as periods do.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from tocsin_controller.scheduling.calendar_days import CalendarDays
from tocsin_controller.scheduling.cron import DAY_SECS
from tocsin_controller.scheduling.cron_syntax import parse
from tocsin_controller.scheduling.zones import FIRST_MOMENT, LAST_MOMENT, Period, period_at
from tocsin_shared.schedules import Dst, FireNote

#: More than a clock was ever set back at once, with the width of two offsets to spare.
_SAFE_SECS = 3 * DAY_SECS

#: A schedule whose every match is left out (a time in the spring gap of each year, with `dst: skip`) is given up after
#: this: looking on until the year 10000 would take seconds. The rarest match of a cron expression comes after 40 years.
_SEARCH_SECS = 120 * 366 * DAY_SECS

_PLAIN: tuple[FireNote, ...] = ()
_GAP = (FireNote.DST_GAP,)
_FIRST = (FireNote.DST_FIRST,)
_SECOND = (FireNote.DST_SECOND,)


class WallClockTimes(Protocol):
    """What is asked about a stretch of wall clock time, in whole seconds since 1970 on the job's own clock."""

    def next_match(self, moment: int) -> int | None:
        """The first match at or after `moment`."""

    def count(self, start: int, end: int) -> int:
        """How many matches there are from `start` up to, but without, `end`."""


def calendar_fires(days: CalendarDays, timezone: str, dst: Dst) -> "CronFires":
    """The fires of a calendar schedule: a fixed time of the day, like `0 30 2 * * *`."""
    return CronFires(days, timezone, fires_after_gap=dst is not Dst.SKIP, fires_on_repeat=dst is Dst.TWICE)


@lru_cache(maxsize=20_000)
def cron_fires(expression: str, timezone: str, dst: Dst, key: str = "") -> "CronFires":
    """The fires of an expression in a zone, kept for the next question. Raises CronError."""
    parsed = parse(expression, key)
    return CronFires(
        parsed,
        timezone,
        fires_after_gap=not parsed.is_elapsed and dst is not Dst.SKIP,
        fires_on_repeat=parsed.is_elapsed or dst is Dst.TWICE,
    )


@dataclass(frozen=True, slots=True)
class CronFires:
    """A cron expression on the wall clock of one zone. Instants are whole seconds since 1970 UTC."""

    expression: WallClockTimes
    timezone: str
    fires_after_gap: bool
    fires_on_repeat: bool

    def next(self, moment: int) -> tuple[int, tuple[FireNote, ...]] | None:
        """The first fire at or after `moment` and what is to be said about it. Raises UnknownZone."""
        moment = max(moment, FIRST_MOMENT)
        last = min(LAST_MOMENT, moment + _SEARCH_SECS)
        while moment <= last:
            period = period_at(self.timezone, moment)
            if moment == period.start and self._stands_for_gap(period):
                return moment, _GAP
            match = self.expression.next_match(self._first_local(period, moment))
            if match is None:
                return None
            if match < period.end + period.offset:
                return match - period.offset, _notes(period, match)
            # No match before the period ends. Periods that lie wholly before the match can be left out,
            # unless the clocks may soon be set back to before `moment`, where the expression was not asked.
            if period.end - moment > _SAFE_SECS:
                moment = max(period.end, match - period.offset - _SAFE_SECS)
            else:
                moment = period.end
        return None

    def count(self, start: int, end: int) -> int:
        """How many fires there are from `start` up to, but without, `end`. Raises UnknownZone."""
        moment, end, total = max(start, FIRST_MOMENT), min(end, LAST_MOMENT), 0
        while moment < end:
            period = period_at(self.timezone, moment)
            stop = min(period.end, end)
            first = self._first_local(period, moment)
            total += self.expression.count(first, stop + period.offset)
            if moment == period.start and self._stands_for_gap(period):
                # A regular fire at the end of the gap is the same fire, and has just been counted.
                total += self.expression.next_match(first) != first
            moment = stop
        return total

    def _first_local(self, period: Period, moment: int) -> int:
        """The local time from which to look at `period`: later than `moment` where repeats don't count."""
        local = moment + period.offset
        if self.fires_on_repeat:
            return local
        return max(local, period.start + period.offset_before)

    def _stands_for_gap(self, period: Period) -> bool:
        """Whether a fire is due at the start of `period` because its time was left out just before."""
        if not self.fires_after_gap or period.offset <= period.offset_before:
            return False
        match = self.expression.next_match(period.start + period.offset_before)
        return match is not None and match < period.start + period.offset


def _notes(period: Period, local: int) -> tuple[FireNote, ...]:
    if period.offset_before > period.offset and local < period.start + period.offset_before:
        return _SECOND
    if period.offset_after < period.offset and local >= period.end + period.offset_after:
        return _FIRST
    return _PLAIN
