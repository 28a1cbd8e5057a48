"""systemd's calendar events (systemd.time(7)) as cron expressions with seconds."""

import re
from typing import Final

from tocsin_cli.importing.both_days import in_both

_SHORT: Final = {
    "minutely": "0 * * * * *",
    "hourly": "0 0 * * * *",
    "daily": "0 0 0 * * *",
    "weekly": "0 0 0 * * 1",
    "monthly": "0 0 0 1 * *",
    "quarterly": "0 0 0 1 1,4,7,10 *",
    "semiannually": "0 0 0 1 1,7 *",
    "yearly": "0 0 0 1 1 *",
    "annually": "0 0 0 1 1 *",
}
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKDAYS: Final = re.compile(r"(?i)[a-z]{3,}[a-z,. ]*")
_ZONE: Final = re.compile(r"(UTC|[A-Za-z]+/[A-Za-z_+\-/0-9]+)")
_STEP: Final = re.compile(r"(\d+)/(\d+)")


def to_cron(text: str) -> tuple[str, str | None]:
    """The cron expression and, if it names one, the zone. Raises ValueError for what cron can't say."""
    words: list[str] = text.strip().split()
    if not words:
        raise ValueError("the calendar event is empty")
    zone = words.pop() if len(words) > 1 and _ZONE.fullmatch(words[-1]) else None
    if len(words) == 1 and words[0].lower() in _SHORT:
        return _SHORT[words[0].lower()], zone
    weekday = "*"
    if _WEEKDAYS.fullmatch(words[0]):
        weekday = _weekday(words.pop(0))
    date = words.pop(0) if words and ("-" in words[0] or "~" in words[0]) else "*-*-*"
    time = words.pop(0) if words else "00:00:00"
    if words:
        raise ValueError(f"'{' '.join(words)}' is not understood")
    month, day = _date(date)
    second, minute, hour = _time(time)
    day, weekday = in_both(day, weekday)
    return f"{second} {minute} {hour} {day} {month} {weekday}", zone


def _date(text: str) -> tuple[str, str]:
    """Month and day."""
    if "~" in text:
        months, _, back = text.partition("~")
        if back not in ("1", "01"):
            raise ValueError(f"only the last day of a month (~01) is understood, not ~{back}")
        return _month(months), "L"
    month, _, day = text.rpartition("-")
    return _month(month), _values(day, 1)


def _month(text: str) -> str:
    year, _, month = text.rpartition("-")
    if year not in ("", "*"):
        raise ValueError(f"the year {year} can't be said in cron")
    return _values(month or "*", 1)


def _time(text: str) -> tuple[str, str, str]:
    parts = text.split(":")
    if not 2 <= len(parts) <= 3:
        raise ValueError(f"{text} is no time of day")
    second = parts[2] if len(parts) == 3 else "0"
    if "." in second.replace("..", ""):
        raise ValueError("parts of a second are not understood")
    return _values(second, 0), _values(parts[1], 0), _values(parts[0], 0)


def _values(text: str, first: int) -> str:
    """Lists, ranges and steps; `*/5` counts from the first value, as in cron."""
    return ",".join(_value(one, first) for one in text.split(","))


def _value(text: str, first: int) -> str:
    if text == "*" or re.fullmatch(r"\*/[1-9]\d*", text):
        return text
    if step := _STEP.fullmatch(text):
        start, size = int(step[1]), int(step[2])
        return f"*/{size}" if start == first else f"{start}/{size}"
    ends = text.split("..")
    if len(ends) <= 2 and all(end.isascii() and end.isdigit() for end in ends):
        return "-".join(str(int(end)) for end in ends)
    raise ValueError(f"'{text}' is not understood")


def _weekday(text: str) -> str:
    return ",".join(_one_weekday(one) for one in text.strip(",").split(","))


def _one_weekday(text: str) -> str:
    ends = [_number(end) for end in text.split("..")]
    if len(ends) == 2 and ends[0] > ends[1]:
        return f"{ends[0]}-7,1-{ends[1]}" if ends[1] > 1 else f"{ends[0]}-7,1"
    return "-".join(map(str, ends))


def _number(text: str) -> int:
    name = text[:3].lower()
    if name not in _DAYS:
        raise ValueError(f"{text} is no day of the week")
    return _DAYS.index(name) + 1
