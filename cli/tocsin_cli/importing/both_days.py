"""Days that are both of the month and of the week, as other schedulers mean the two fields of a cron expression.

Here a day that fits either is enough. Both can be said as the nth such weekdays of a month: days 1 to 7 are the first
of each, 8 to 14 the second.
"""

import re
from typing import Final

_PART: Final = re.compile(
    r"(?:\*|(?P<first>[0-9]{1,2}|[a-z]{3})(?:-(?P<last>[0-9]{1,2}|[a-z]{3}))?)(?:/(?P<step>[0-9]{1,2}))?",
    re.ASCII | re.IGNORECASE,
)
_NAMES: Final = {
    name: number for number, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))
}
_DAYS: Final = frozenset(range(1, 32))
_WEEKDAYS: Final = frozenset(range(7))


def in_both(days: str, weekdays: str) -> tuple[str, str]:
    """The fields for days that are in both. Raises ValueError where cron can't say it."""
    if "*" in (days, weekdays):
        return days, weekdays
    of_month = _values(days, _DAYS, 31)
    of_week = frozenset(number % 7 for number in _values(weekdays, _WEEKDAYS, 7))
    if of_month == _DAYS:
        return "*", weekdays
    if of_week == _WEEKDAYS:
        return days, "*"
    weeks = [number for number in range(1, 6) if _week(number) <= of_month]
    if not of_month or frozenset[int]().union(*map(_week, weeks)) != of_month or not of_week:
        raise ValueError("a day of the month that must also be a day of the week can't be said in cron")
    return "*", ",".join(f"{weekday}#{week}" for week in weeks for weekday in sorted(of_week))


def _week(number: int) -> frozenset[int]:
    """The days of a month that are the nth of their weekday."""
    return _DAYS & frozenset(range(7 * number - 6, 7 * number + 1))


def _values(field: str, whole: frozenset[int], highest: int) -> frozenset[int]:
    """The values of a field; none at all if any part of it is no plain value, range or step."""
    found: set[int] = set()
    for part in field.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            return frozenset()
        first, last = min(whole), max(whole)
        if match["first"]:
            first = _value(match["first"])
            last = _value(match["last"]) if match["last"] else last if match["step"] else first
        step = int(match["step"] or 1)
        if step == 0 or not min(whole) <= first <= last <= highest:
            return frozenset()
        found.update(range(first, last + 1, step))
    return frozenset(found)


def _value(text: str) -> int:
    return int(text) if text.isdigit() else _NAMES.get(text.lower(), -1)
