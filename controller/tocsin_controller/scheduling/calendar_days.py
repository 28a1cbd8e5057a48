"""Which wall clock times a calendar schedule names. Knows nothing of zones: `cron_fires` adds them.

Every month that takes part has one anchor day. The offset moves it, also over the ends of months and years; then, if
it is a day off, it is left out or moves to a working day. `months` means the months of the anchor, whatever the day
becomes. Anchors rise with the months and both moves keep that order, so the first month whose day is late enough
holds the answer; two months whose day rolls to the same one are due there once.

Times are whole seconds, days whole days since 1970-01-01, on the job's own clock.
"""

from calendar import monthrange
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from tocsin_controller.scheduling.cron import DAY_SECS
from tocsin_shared.calendar_schedules import WEEKDAYS, CalendarRule, Roll

EPOCH_DAY = date(1970, 1, 1).toordinal()
_LAST_MONTH = 9999 * 12 + 11

#: A day off whose neighbours are days off for so long is left out instead of moved.
FARTHEST_ROLL_DAYS = 31
#: A schedule that is not due within this time counts as never due. Without days off the rarest (the fifth Monday of
#: February) comes every 28 years, and once after 40.
SEARCH_YEARS = 60


@dataclass(frozen=True, slots=True)
class DaysOff:
    """Days on which a schedule does not run."""

    weekends: bool = False
    #: Further days, counted from 1970.
    days: frozenset[int] = frozenset()
    #: Named calendars, whose days off count too.
    calendars: tuple[Container[int], ...] = ()

    def __contains__(self, day: int) -> bool:
        if day in self.days or (self.weekends and weekday_of(day) >= 5):
            return True
        return any(day in calendar for calendar in self.calendars)


@dataclass(frozen=True, slots=True)
class CalendarDays:
    """A calendar rule, ready to be asked."""

    #: `last_day`, `day`, `first`, `last` or `nth`.
    anchor: str
    #: Which day of the month for `day`, which occurrence for `nth`.
    number: int
    #: 0 is Monday.
    weekday: int
    offset_days: int
    second_of_day: int
    months: frozenset[int]
    roll: Roll
    off: DaysOff
    #: People mean a time of the day, so `dst` says what happens when it is missing or comes twice.
    is_elapsed: bool = False

    @classmethod
    def of(cls, rule: CalendarRule, calendars: Mapping[str, Container[int]] | None = None) -> "CalendarDays":
        """What people wrote. Without `calendars` the named ones are left out; with them, all must be there."""
        kind, _, rest = rule.anchor.partition("_")
        number, weekday = 0, 0
        if kind == "day":
            number = int(rest)
        elif rule.anchor == "last_day":
            kind = "last_day"
        elif kind == "nth":
            number, weekday = rule.nth or 0, WEEKDAYS.index(rule.weekday) if rule.weekday else 0
        else:
            weekday = WEEKDAYS.index(rest)
        return cls(
            anchor=kind,
            number=number,
            weekday=weekday,
            offset_days=rule.offset_days,
            second_of_day=rule.hour * 3600 + rule.minute * 60 + rule.second,
            months=frozenset(rule.months or range(1, 13)),
            roll=rule.roll,
            off=DaysOff(
                rule.skip_weekends,
                frozenset(day_of(holiday) for holiday in rule.holidays),
                () if calendars is None else tuple(calendars[name] for name in rule.calendars),
            ),
        )

    def next_match(self, moment: int) -> int | None:
        """The first match at or after `moment`, or None when there is none within `SEARCH_YEARS`."""
        first = self._first_day(moment)
        day = next(self._days_from(first, SEARCH_YEARS * 12 + self._lead_months), None)
        return None if day is None else day * DAY_SECS + self.second_of_day

    def count(self, start: int, end: int) -> int:
        """How many matches there are from `start` up to, but without, `end`."""
        if end <= start:
            return 0
        first, stop = self._first_day(start), self._first_day(end)
        total = 0
        for day in self._days_from(first, (stop - first) // 28 + 2 + self._lead_months):
            if day >= stop:
                break
            total += 1
        return total

    @property
    def _lead_months(self) -> int:
        """So many months before a day its anchor may lie, or after it."""
        return (abs(self.offset_days) + FARTHEST_ROLL_DAYS) // 28 + 2

    def _first_day(self, moment: int) -> int:
        """The first day whose time of day is at or after `moment`."""
        return -((self.second_of_day - moment) // DAY_SECS)

    def _days_from(self, first: int, months: int) -> Iterator[int]:
        """The days that are due from `first` on, rising, of the anchors in so many months."""
        roll_days = 0 if self.roll is Roll.SKIP else FARTHEST_ROLL_DAYS
        earliest = max(first - self.offset_days - roll_days + EPOCH_DAY, 1)
        if earliest > date.max.toordinal():
            return
        begin = date.fromordinal(earliest)
        month = begin.year * 12 + begin.month - 1
        found = first - 1
        for number in range(month, min(month + months, _LAST_MONTH) + 1):
            day = self._day_of_month(*divmod(number, 12))
            if day is not None and day > found:
                found = day
                yield day

    def _day_of_month(self, year: int, month_index: int) -> int | None:
        if month_index + 1 not in self.months:
            return None
        first, length = _month(year, month_index + 1)
        anchor = self._anchor_day(first, length)
        return None if anchor is None else self._rolled(anchor + self.offset_days)

    def _anchor_day(self, first: int, length: int) -> int | None:
        first_such = first + (self.weekday - weekday_of(first)) % 7
        match self.anchor:
            case "last_day":
                return first + length - 1
            case "day":
                return first + self.number - 1 if self.number <= length else None
            case "first":
                return first_such
            case "last":
                return first_such + (first + length - 1 - first_such) // 7 * 7
            case _:
                nth_such = first_such + 7 * (self.number - 1)
                return nth_such if nth_such < first + length else None

    def _rolled(self, day: int) -> int | None:
        if day not in self.off:
            return day
        if self.roll is Roll.SKIP:
            return None
        step = 1 if self.roll is Roll.NEXT else -1
        for distance in range(1, FARTHEST_ROLL_DAYS + 1):
            if day + step * distance not in self.off:
                return day + step * distance
        return None


def day_of(when: date) -> int:
    """Days since 1970."""
    return when.toordinal() - EPOCH_DAY


def weekday_of(day: int) -> int:
    """0 is Monday. 1970 began on a Thursday."""
    return (day + 3) % 7


@lru_cache(maxsize=4096)
def _month(year: int, month: int) -> tuple[int, int]:
    """Its first day and its length."""
    return date(year, month, 1).toordinal() - EPOCH_DAY, monthrange(year, month)[1]
