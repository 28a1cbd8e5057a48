"""Dkron's grammar of schedules, as schedules of ours. Pure."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from tocsin_controller.compat.dkron.instants import parse_instant
from tocsin_controller.compat.durations import parse_duration

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
_EVERYTHING: Final = frozenset({"*", "?", "*/1", "?/1"})
_GRACE: Final = re.compile(
    r"<P(?:(\d{1,6})Y)?(?:(\d{1,6})M)?(?:(\d{1,6})W)?(?:(\d{1,6})D)?"
    r"(?:T(?=\d)(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?)?",
    re.ASCII,
)
_GRACE_SECS: Final = (365 * 86_400, 30 * 86_400, 7 * 86_400, 86_400, 3_600, 60, 1)
#: The longest interval that there is.
_MOST_SECS: Final = 366 * 86_400

ON_DEMAND: Final[dict[str, Any]] = {"type": "on_demand"}


@dataclass(frozen=True, slots=True)
class When:
    """A schedule of ours, with the zone in which it is meant; None is UTC."""

    schedule: dict[str, Any]
    timezone: str | None = None


def read_schedule(text: str, timezone: str, name: str, now: datetime) -> When:
    """What the text means for a job of that name. Raises ValueError."""
    zone = check_timezone(timezone)
    if text in ("@manually", "@minutely") or text.startswith(("@at ", "@after ")):
        return When(_named(text, now), zone)
    if text.startswith(("TZ=", "CRON_TZ=")):
        prefix, space, text = text.partition(" ")
        if not space:
            raise ValueError("a time zone must be followed by a schedule")
        zone, text = check_timezone(prefix.partition("=")[2]), text.strip()
    if text.startswith("@every "):
        secs = int(min(max(parse_duration(text.removeprefix("@every ")), 1), _MOST_SECS))
        return When({"type": "interval", "value": {"interval_secs": secs}}, zone)
    if text in _DESCRIPTORS:
        return When({"type": "cron", "value": text}, zone)
    if text.startswith("@"):
        raise ValueError(f"unrecognized descriptor: {text[:100]}")
    return When({"type": "cron", "value": _cron(text, name)}, zone)


def check_timezone(name: str) -> str | None:
    """The zone as we know it. Raises ValueError when there is none of this name."""
    if name in ("", "Local", "UTC"):
        return None
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # a KeyError is what the library calls a zone that is not there
        raise ValueError(f"unknown time zone {name[:100]}") from None
    return name


def _named(text: str, now: datetime) -> dict[str, Any]:
    if text == "@manually":
        return ON_DEMAND
    if text == "@minutely":
        return {"type": "cron", "value": "0 * * * * *"}
    if text.startswith("@at "):
        at = parse_instant(text.removeprefix("@at ").strip())
        return _once(at) if at > now else ON_DEMAND
    parts = text.removeprefix("@after ").split()
    if len(parts) != 2:
        raise ValueError("@after takes an instant and a duration such as <P1D")
    at, grace = parse_instant(parts[0]), _grace(parts[1])
    if at > now:
        return _once(at)
    return _once(now + timedelta(seconds=1)) if now <= at + grace else ON_DEMAND


def _once(at: datetime) -> dict[str, Any]:
    return {"type": "one_shot", "value": at.isoformat()}


def _grace(text: str) -> timedelta:
    match = _GRACE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:60]} is no duration such as <P1D or <PT2H")
    secs = sum(int(part or 0) * each for part, each in zip(match.groups(), _GRACE_SECS, strict=True))
    if not 0 < secs <= 100 * _MOST_SECS:
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
        for part in word.split(","):
            _check(part, title, low, high, names)
        fields.append(
            "*"
            if any(part in ("*", "?", "*/1", "?/1") for part in word.split(","))
            else word.replace("?", "*")
        )
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
