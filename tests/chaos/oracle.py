"""When a schedule is due, by trying every second of a stretch of time: slow, obvious, and none of the product's code.

The rules are those of the documentation: six fields `sec min hour dom month dow`; the day matches by either day
field when both are restricted; a fixed time (neither the minute nor the hour begins with `*`) inside a spring gap
is due right after it and a repeated one only the first time (`dst: once`).
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.chaos.history import SECOND_NS

_RANGES = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_SECOND = timedelta(seconds=1)


def due_instants(definition: dict[str, Any], after_ns: int, until_ns: int) -> list[int]:
    """Every due instant in nanoseconds, strictly after the first and strictly before the second moment."""
    schedule = definition["schedule"]
    first, last = after_ns // SECOND_NS + 1, -(-until_ns // SECOND_NS) - 1
    match schedule["type"]:
        case "cron":
            rule = _Cron(
                schedule["value"], definition.get("timezone") or "UTC", definition.get("dst", "once")
            )
            due = [second for second in range(first, last + 1) if rule.is_due(second)]
        case "interval":
            anchor, step = (
                _instant_ns(definition["starts_at"]) // SECOND_NS,
                schedule["value"]["interval_secs"],
            )
            due = [s for s in range(first, last + 1) if s >= anchor and (s - anchor) % step == 0]
        case "one_shot":
            at = _instant_ns(schedule["value"])
            return [at] if after_ns < at < until_ns else []
        case _:
            due = []
    opens = _instant_ns(definition["starts_at"]) if definition.get("starts_at") else None
    closes = _instant_ns(definition["expires_at"]) if definition.get("expires_at") else None
    return [
        second * SECOND_NS
        for second in due
        if (opens is None or second * SECOND_NS >= opens) and (closes is None or second * SECOND_NS <= closes)
    ]


class _Cron:
    def __init__(self, expression: str, zone: str, dst: str) -> None:
        texts = expression.split()
        if len(texts) == 5:
            texts = ["0", *texts]
        self._fields = [_values(text, *bounds) for text, bounds in zip(texts, _RANGES, strict=True)]
        self._days_any = texts[3].startswith("*")
        self._weekdays_any = texts[5].startswith("*")
        self._zone = ZoneInfo(zone)
        is_elapsed = texts[1].startswith("*") or texts[2].startswith("*")
        self._makes_up = not is_elapsed and dst != "skip"
        self._repeats = is_elapsed or dst == "twice"

    def is_due(self, second: int) -> bool:
        local = datetime.fromtimestamp(second, self._zone)
        wall = local.replace(tzinfo=None)
        if self._matches(wall) and (self._repeats or not local.fold):
            return True
        if not self._makes_up:
            return False
        before = datetime.fromtimestamp(second - 1, self._zone).replace(tzinfo=None)
        skipped = before + _SECOND
        while skipped < wall:
            if self._matches(skipped):
                return True
            skipped += _SECOND
        return False

    def _matches(self, wall: datetime) -> bool:
        secs, minutes, hours, days, months, weekdays = self._fields
        if wall.second not in secs or wall.minute not in minutes or wall.hour not in hours:
            return False
        if wall.month not in months:
            return False
        is_day, is_weekday = wall.day in days, wall.isoweekday() % 7 in {w % 7 for w in weekdays}
        if self._days_any or self._weekdays_any:
            return is_day and is_weekday
        return is_day or is_weekday


def _values(text: str, lowest: int, highest: int) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        low, high = (lowest, highest) if span == "*" else _bounds(span, highest if step else None)
        found.update(range(low, high + 1, int(step or 1)))
    return frozenset(found)


def _bounds(span: str, open_end: int | None) -> tuple[int, int]:
    low, dash, high = span.partition("-")
    if dash:
        return int(low), int(high)
    return int(low), int(low) if open_end is None else open_end


def _instant_ns(text: str) -> int:
    moment = datetime.fromisoformat(text)
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since // timedelta(microseconds=1)) * 1000
