"""Which wall clock times a cron expression matches. Knows nothing of zones; `cron_syntax` makes expressions.

Times are whole seconds since 1970-01-01 00:00 on the job's own clock. croniter's `get_next` took 75-120 µs a
call where this took 3-5 µs, and it is wrong about `31W` and about `#` beside a day of the month. Looking up
bits can also *count* matches, which is what makes catching up after weeks of downtime cheap.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache

DAY_SECS = 86_400
#: `date.toordinal()` of 1970-01-01.
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_LAST_DAY = date.max.toordinal() - _EPOCH_DAY
_LAST_YEAR = date.max.year


@dataclass(frozen=True)
class DayRule:
    """Which days of a month match. Days count from 1, weekdays from 0 = Sunday.

    A field that is a bare `*` or `?` leaves the choice to the other one. If both are restricted, a day that
    fits either matches (POSIX). `*/2` and `1-31` count as restricted, and so does `*/1`, as in Kronforce;
    Vixie cron looks at the leading star only and would ask for both.
    """

    #: Bit n is set for day n.
    days: int
    #: `L`: the last day.
    last_day: bool
    #: `LW`: the last day from Monday to Friday.
    last_weekday: bool
    #: `15W`: the day from Monday to Friday nearest to the 15th, inside the same month. A month without that
    #: day has no match.
    nearest_weekdays: frozenset[int]
    #: Bit n is set for weekday n.
    weekdays: int
    #: `5#2`: the second Friday, as (5, 2).
    nth_weekdays: frozenset[tuple[int, int]]
    #: `5L`: the last Friday, as 5.
    last_of_weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool

    def in_month(self, length: int, first_weekday: int) -> int:
        """The matching days of a month with `length` days that begins on `first_weekday`, as bits."""
        whole_month = (1 << (length + 1)) - 2
        if self.any_day and self.any_weekday:
            return whole_month
        matching = 0
        if not self.any_day:
            matching |= self._by_day(length, first_weekday)
        if not self.any_weekday:
            matching |= self._by_weekday(length, first_weekday)
        return matching & whole_month

    def _by_day(self, length: int, first_weekday: int) -> int:
        matching = self.days
        if self.last_day:
            matching |= 1 << length
        if self.last_weekday:
            matching |= 1 << _nearest_weekday(length, length, first_weekday)
        for day in self.nearest_weekdays:
            if day <= length:
                matching |= 1 << _nearest_weekday(day, length, first_weekday)
        return matching

    def _by_weekday(self, length: int, first_weekday: int) -> int:
        matching = 0
        for weekday in range(7):
            first = 1 + (weekday - first_weekday) % 7
            if self.weekdays >> weekday & 1:
                for day in range(first, length + 1, 7):
                    matching |= 1 << day
            if weekday in self.last_of_weekdays:
                matching |= 1 << (first + (length - first) // 7 * 7)
        for weekday, nth in self.nth_weekdays:
            matching |= 1 << (1 + (weekday - first_weekday) % 7 + 7 * (nth - 1))
        return matching


def _nearest_weekday(day: int, length: int, first_weekday: int) -> int:
    """The day from Monday to Friday nearest to `day` without leaving the month."""
    weekday = (first_weekday + day - 1) % 7
    if weekday == 6:
        return day - 1 if day > 1 else day + 2
    if weekday == 0:
        return day + 1 if day < length else day - 2
    return day


@dataclass(frozen=True)
class CronExpression:
    """A parsed cron expression. In the four integers, bit n is set when value n matches."""

    seconds: int
    minutes: int
    hours: int
    months: int
    day_rule: DayRule
    #: The hour or minute field begins with `*` or names every value. Such a schedule says "every so often"
    #: rather than "at this time"; `cron_fires` tells what that means when the clocks change.
    is_elapsed: bool

    def next_match(self, moment: int) -> int | None:
        """The first match at or after `moment`, or None when there is none before the year 10000."""
        day, second_of_day = divmod(moment, DAY_SECS)
        first_day = self._next_day(day)
        if first_day is None:
            return None
        if first_day == day:
            time = self._next_time(second_of_day)
            if time is not None:
                return day * DAY_SECS + time
            first_day = self._next_day(day + 1)
            if first_day is None:
                return None
        return first_day * DAY_SECS + self._first_time

    def count(self, start: int, end: int) -> int:
        """How many matches there are from `start` up to, but without, `end`."""
        if end <= start:
            return 0
        first_day, first_second = divmod(start, DAY_SECS)
        last_day, last_second = divmod(end, DAY_SECS)
        before_start = self._times_before(first_second) if self._matches_day(first_day) else 0
        before_end = self._times_before(last_second) if self._matches_day(last_day) else 0
        return self._count_days(first_day, last_day) * self._times_per_day + before_end - before_start

    @cached_property
    def is_possible(self) -> bool:
        """Whether any day matches at all: February 30 never comes."""
        return any(
            self._matching_days[length - 28][weekday]
            for month in range(1, 13)
            if self.months >> month & 1
            for length in ((28, 29) if month == 2 else (monthrange(2001, month)[1],))
            for weekday in range(7)
        )

    @cached_property
    def _matching_days(self) -> list[list[int]]:
        """Matching days by length (from 28) and weekday of the first: there are only 28 kinds of month."""
        return [[self.day_rule.in_month(length, first) for first in range(7)] for length in range(28, 32)]

    @cached_property
    def _first_time(self) -> int:
        return _lowest(self.hours) * 3600 + _lowest(self.minutes) * 60 + _lowest(self.seconds)

    @cached_property
    def _times_per_day(self) -> int:
        return self.hours.bit_count() * self.minutes.bit_count() * self.seconds.bit_count()

    def _days_of(self, year: int, month: int) -> int:
        if not self.months >> month & 1:
            return 0
        length, first_weekday = _month_shape(year, month)
        return self._matching_days[length - 28][first_weekday]

    def _matches_day(self, day: int) -> bool:
        when = date.fromordinal(day + _EPOCH_DAY)
        return bool(self._days_of(when.year, when.month) >> when.day & 1)

    def _next_day(self, day: int) -> int | None:
        if day > _LAST_DAY or not self.is_possible:
            return None
        when = date.fromordinal(day + _EPOCH_DAY)
        year, month, rest = (
            when.year,
            when.month,
            self._days_of(when.year, when.month) >> when.day << when.day,
        )
        while not rest:
            month += 1
            if month == 13:
                year, month = year + 1, 1
                if year > _LAST_YEAR:
                    return None
            rest = self._days_of(year, month)
        return date(year, month, _lowest(rest)).toordinal() - _EPOCH_DAY

    def _next_time(self, second_of_day: int) -> int | None:
        """The first matching second of the day at or after `second_of_day`."""
        hour, rest = divmod(second_of_day, 3600)
        minute, second = divmod(rest, 60)
        if self.hours >> hour & 1:
            if self.minutes >> minute & 1 and (seconds := self.seconds >> second):
                return second_of_day + _lowest(seconds)
            if minutes := self.minutes >> (minute + 1):
                return hour * 3600 + (minute + 1 + _lowest(minutes)) * 60 + _lowest(self.seconds)
        if hours := self.hours >> (hour + 1):
            return (hour + 1 + _lowest(hours)) * 3600 + _lowest(self.minutes) * 60 + _lowest(self.seconds)
        return None

    def _times_before(self, second_of_day: int) -> int:
        """How many seconds of the day match before `second_of_day`."""
        hour, rest = divmod(second_of_day, 3600)
        minute, second = divmod(rest, 60)
        per_minute = self.seconds.bit_count()
        times = _count_below(self.hours, hour) * self.minutes.bit_count() * per_minute
        if self.hours >> hour & 1:
            times += _count_below(self.minutes, minute) * per_minute
            if self.minutes >> minute & 1:
                times += _count_below(self.seconds, second)
        return times

    def _count_days(self, start: int, end: int) -> int:
        """How many days match from `start` up to, but without, `end`."""
        first, last = date.fromordinal(start + _EPOCH_DAY), date.fromordinal(end + _EPOCH_DAY)
        total = -_count_below(self._days_of(first.year, first.month), first.day)
        year, month = first.year, first.month
        while (year, month) != (last.year, last.month):
            total += self._days_of(year, month).bit_count()
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)
        return total + _count_below(self._days_of(last.year, last.month), last.day)


def _lowest(bits: int) -> int:
    """The position of the lowest bit that is set."""
    return (bits & -bits).bit_length() - 1


def _count_below(bits: int, position: int) -> int:
    return (bits & ((1 << position) - 1)).bit_count()


@lru_cache(maxsize=2048)
def _month_shape(year: int, month: int) -> tuple[int, int]:
    """Its length and the weekday of its first day, 0 = Sunday."""
    first, length = monthrange(year, month)
    return length, (first + 1) % 7
