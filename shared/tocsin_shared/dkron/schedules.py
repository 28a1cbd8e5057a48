"""Dkron's grammar of schedules: six fields with `?` and `~`, zones, descriptors, `@every`, `@at`, `@after`. Pure."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from tocsin_shared.dkron.instants import parse_instant
from tocsin_shared.go_durations import parse_duration

_MONTHS: Final = {name: number for number, name in enumerate(
    ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1)}  # fmt: skip
_DAYS: Final = {name: number for number, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))}
#: Name, lowest, highest, names of values; and for `~` what the name's number is divided by, and what is added.
_FIELDS: Final[tuple[tuple[str, int, int, dict[str, int], int, int], ...]] = (
    ("second", 0, 59, {}, 60, 0),
    ("minute", 0, 59, {}, 60, 0),
    ("hour", 0, 23, {}, 24, 0),
    ("day of month", 1, 31, {}, 28, 1),
    ("month", 1, 12, _MONTHS, 12, 1),
    ("day of week", 0, 6, _DAYS, 7, 0),
)
_DESCRIPTORS: Final = frozenset(
    {"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"}
)
_PART: Final = re.compile(r"(\*|\?|\w+)(?:-(\w+))?(?:/(\d{1,9}))?", re.ASCII)
#: A field with such a part is not restricted, whatever else it lists.
_EVERYTHING: Final = re.compile(r"[*?](?:/0*1)?")
_GRACE: Final = re.compile(
    r"<P(?:(\d{1,6})Y)?(?:(\d{1,6})M)?(?:(\d{1,6})W)?(?:(\d{1,6})D)?"
    r"(?:T(?=\d)(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?)?",
    re.ASCII,
)
#: A year has 365 days and a month 30.
_GRACE_SECS: Final = (365 * 86_400, 30 * 86_400, 7 * 86_400, 86_400, 3_600, 60, 1)

#: The longest interval that there is in Tocsin.
LONGEST_INTERVAL_SECS: Final = 366 * 86_400
ON_DEMAND: Final[dict[str, Any]] = {"type": "on_demand"}


@dataclass(frozen=True, slots=True)
class Repeated:
    """Cron fields, an interval, or only by hand."""

    schedule: dict[str, Any]
    #: The zone in the text itself, `Local` for the server's; None: none is in it, and the job's may count.
    timezone: str | None = None
    #: A word such as `@daily`, which follows the server's clock in Dkron whatever the job's zone.
    is_descriptor: bool = False


@dataclass(frozen=True, slots=True)
class Once:
    """At an instant."""

    at: datetime
    #: How late it may still be; None: not at all.
    grace: timedelta | None = None


def parse_schedule(text: str, name: str) -> Repeated | Once:
    """What the text means for a job of that name. Raises ValueError."""
    if text == "@manually":
        return Repeated(ON_DEMAND)
    if text == "@minutely":
        return Repeated({"type": "cron", "value": "0 * * * * *"})
    if text.startswith("@at "):
        return Once(parse_instant(text.removeprefix("@at ").strip()))
    if text.startswith("@after "):
        return _after(text.removeprefix("@after ").split())
    zone = None
    if text.startswith(("TZ=", "CRON_TZ=")):
        prefix, space, text = text.partition(" ")
        if not space:
            raise ValueError("a time zone must be followed by a schedule")
        zone, text = prefix.partition("=")[2] or "UTC", text.strip()
        check_timezone(zone)
    if text.startswith("@every "):
        secs = int(min(max(parse_duration(text.removeprefix("@every ")), 1), LONGEST_INTERVAL_SECS))
        return Repeated({"type": "interval", "value": {"interval_secs": secs}}, zone)
    if text in _DESCRIPTORS:
        return Repeated({"type": "cron", "value": text}, zone, is_descriptor=True)
    if text.startswith("@"):
        raise ValueError(f"unrecognized descriptor: {text[:100]}")
    return Repeated({"type": "cron", "value": _cron(text, name)}, zone)


def check_timezone(name: str) -> str | None:
    """The zone, None for UTC and for the server's own. Raises ValueError when there is none of this name."""
    if name in ("", "Local", "UTC"):
        return None
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # a KeyError is what the library calls a zone that is not there
        raise ValueError(f"unknown time zone {name[:100]}") from None
    return name


def _after(parts: list[str]) -> Once:
    if len(parts) != 2:
        raise ValueError("@after takes an instant and a duration such as <P1D")
    return Once(parse_instant(parts[0]), _grace(parts[1]))


def _grace(text: str) -> timedelta:
    match = _GRACE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:60]} is no duration such as <P1D or <PT2H")
    secs = sum(int(part or 0) * each for part, each in zip(match.groups(), _GRACE_SECS, strict=True))
    if not 0 < secs <= 100 * LONGEST_INTERVAL_SECS:
        raise ValueError("the duration of @after must be longer than nothing, and at most 100 years")
    return timedelta(seconds=secs)


def _cron(text: str, name: str) -> str:
    words = text.split()
    if len(words) != len(_FIELDS):
        raise ValueError(f"expected exactly 6 fields, found {len(words)}: [{text[:100]}]")
    number = sum(ord(one) for one in name)
    fields: list[str] = []
    for word, (title, low, high, names, modulus, offset) in zip(words, _FIELDS, strict=True):
        word = word.replace("~", str(number % modulus + offset))
        parts = word.split(",")
        for part in parts:
            _check(part, title, low, high, names)
        fields.append("*" if any(map(_EVERYTHING.fullmatch, parts)) else word.replace("?", "*"))
    return " ".join(fields)


def _check(part: str, title: str, low: int, high: int, names: dict[str, int]) -> None:
    match = _PART.fullmatch(part)
    if match is None:
        raise ValueError(f"{title}: failed to parse {part[:40]!r}")
    begin, end, step = match.groups()
    if begin in ("*", "?"):
        if end is not None:
            raise ValueError(f"{title}: failed to parse {part[:40]!r}")
        first, last = low, high
    else:
        first = _value(begin, title, low, high, names)
        last = _value(end, title, low, high, names) if end is not None else high if step else first
    if first > last:
        raise ValueError(f"{title}: beginning of range ({first}) beyond end of range ({last}): {part}")
    if step is not None and int(step) == 0:
        raise ValueError(f"{title}: step of range should be a positive number: {part}")


def _value(text: str, title: str, low: int, high: int, names: dict[str, int]) -> int:
    value = names.get(text.lower())
    if value is None:
        if not text.isdigit() or len(text) > 9:
            raise ValueError(f"{title}: failed to parse {text[:40]!r}")
        value = int(text)
    if not low <= value <= high:
        raise ValueError(f"{title}: {value} is not in {low}-{high}")
    return value
