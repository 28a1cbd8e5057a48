"""Cron expressions as Quartz has them: seconds first, `?`, weekdays from 1 (Sunday) to 7, and perhaps a year."""

import re
from typing import Final

_EVERY_YEAR: Final = ("*", "?")
_DAY: Final = re.compile(r"(?i)\*|\?|L|LW|[0-9]+W|[0-9]+(?:-[0-9]+)?(?:/[0-9]+)?|\*/[0-9]+")
_WEEKDAY: Final = re.compile(r"(?i)([0-9]+|[A-Z]{3})(?:-([0-9]+|[A-Z]{3}))?(L|#[0-9]|/[0-9]+)?")


def to_cron(text: str) -> str:
    """Six fields as they are written here. Raises ValueError for what they can't say."""
    fields = text.split()
    if not 6 <= len(fields) <= 7:
        raise ValueError(f"'{text}' has {len(fields)} fields, not six or seven")
    if len(fields) == 7 and fields[6] not in _EVERY_YEAR:
        raise ValueError(f"the year {fields[6]} can't be said in cron")
    second, minute, hour, day, month, weekday = fields[:6]
    days = ",".join(_day(one) for one in day.split(","))
    weekdays = ",".join(_weekday(one) for one in weekday.split(","))
    if days != "*" and weekdays != "*":
        raise ValueError(f"'{text}' asks for days of the month and of the week at once")
    return f"{second} {minute} {hour} {days} {month} {weekdays}"


def _day(text: str) -> str:
    if not _DAY.fullmatch(text):
        raise ValueError(f"the day of the month '{text}' can't be said in cron")
    return "*" if text == "?" else text.upper()


def _weekday(text: str) -> str:
    if text in ("*", "?") or re.fullmatch(r"\*/[0-9]+", text):
        return "*" if text == "?" else text
    if text.upper() == "L":
        return "6"  # alone it is Saturday, the week's last day
    match = _WEEKDAY.fullmatch(text)
    if match is None:
        raise ValueError(f"the day of the week '{text}' can't be said in cron")
    first, last, rest = match[1], match[2], match[3] or ""
    return _number(first) + (f"-{_number(last)}" if last else "") + rest.upper()


def _number(text: str) -> str:
    if not text.isdigit():
        return text
    if not 1 <= int(text) <= 7:
        raise ValueError(f"the day of the week '{text}' is not from 1 to 7")
    return str(int(text) - 1)
