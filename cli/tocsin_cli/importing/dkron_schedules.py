"""Dkron's schedules: six fields with `?` and `~`, descriptors, `@every`, `@at`, `@after`, `@manually`, zones."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from tocsin_cli.importing.go_durations import to_secs

Json = dict[str, Any]

_ON_DEMAND: Final[Json] = {"type": "on_demand"}
_DESCRIPTORS: Final = frozenset(
    {"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"}
)
_ZONE: Final = re.compile(r"(?:CRON_)?TZ=(\S*) +(.*)")
#: For each field: how many values the sum of the name's letters is spread over, and the first of them.
_SPREAD: Final = ((60, 0), (60, 0), (24, 0), (28, 1), (12, 1), (7, 0))
_EVERY_ONE: Final = re.compile(r"[*?](?:/0*1)?")


@dataclass(slots=True)
class DkronSchedule:
    """When a job is due."""

    schedule: Json
    #: None: no zone was said, and none is needed or the server's own counted.
    timezone: str | None = None
    #: The clock of Dkron's server counted.
    is_of_server: bool = False
    catchup_window_secs: int | None = None
    notes: list[str] = field(default_factory=list)


def read_schedule(text: str, name: str, timezone: str | None, now: datetime) -> DkronSchedule:
    """Raises ValueError for what Dkron does not take."""
    zone, rest = timezone or None, text.strip()
    if match := _ZONE.fullmatch(rest):
        zone, rest = match[1], match[2].strip()
        if rest.startswith(("@at ", "@after ", "@manually", "@minutely")):
            raise ValueError(f"a zone does not go with '{rest}'")
    elif rest.startswith("@"):
        zone = None  # descriptors follow the server's clock whatever the job's zone
    if zone == "Local":
        zone = None
    word, _, argument = rest.partition(" ")
    match word:
        case "@manually":
            return DkronSchedule(_ON_DEMAND)
        case "@minutely":
            return DkronSchedule({"type": "cron", "value": "0 * * * * *"})
        case "@every":
            secs = max(1, int(to_secs(argument)))
            return DkronSchedule({"type": "interval", "value": {"interval_secs": secs}})
        case "@at":
            return _once(argument, None, now)
        case "@after":
            date, _, grace = argument.partition(" ")
            return _once(date, _grace_secs(grace), now)
    if word.startswith("@"):
        if rest not in _DESCRIPTORS:
            raise ValueError(f"'{rest}' is no schedule")
        return DkronSchedule({"type": "cron", "value": rest}, zone, is_of_server=zone is None)
    return DkronSchedule({"type": "cron", "value": _cron(rest, name)}, zone, is_of_server=zone is None)


def _cron(text: str, name: str) -> str:
    fields = text.split()
    if len(fields) != 6:
        raise ValueError(f"'{text}' has {len(fields)} fields, not six")
    return " ".join(_field(one, name, *spread) for one, spread in zip(fields, _SPREAD, strict=True))


def _field(text: str, name: str, size: int, first: int) -> str:
    if _EVERY_ONE.fullmatch(text):
        return "*"
    number = str(sum(map(ord, name)) % size + first)
    # Alone `~` means the same here; elsewhere it stands for its number, so `~/15` loses the slots before it as it did.
    return text if text == "~" else text.replace("~", number).replace("?", "*")


def _once(text: str, grace_secs: int | None, now: datetime) -> DkronSchedule:
    at = instant(text)
    if at is None:
        raise ValueError(f"'{text}' is no instant")
    if at <= now:
        is_late = grace_secs is not None and (now - at).total_seconds() <= grace_secs
        why = "runs on demand only: its instant has passed"
        return DkronSchedule(_ON_DEMAND, notes=[f"{why}, Dkron would still run it once" if is_late else why])
    schedule = DkronSchedule({"type": "one_shot", "value": _iso(at)})
    if grace_secs is not None:
        schedule.catchup_window_secs = min(max(grace_secs, 10), 31 * 86_400)
    return schedule


_GRACE: Final = re.compile(
    r"<P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?"
)
#: A year has 365 days and a month 30, as Dkron has it.
_GRACE_SECS: Final = (365 * 86_400, 30 * 86_400, 7 * 86_400, 86_400, 3_600, 60, 1)


def _grace_secs(text: str) -> int:
    match = _GRACE.fullmatch(text.strip())
    secs = (
        sum(int(part or 0) * size for part, size in zip(match.groups(), _GRACE_SECS, strict=True))
        if match
        else 0
    )
    if secs == 0:
        raise ValueError(f"'{text}' is no duration such as <PT2H")
    return secs


def instant(value: Any) -> datetime | None:
    """RFC 3339, or the form of HTML inputs, which is UTC; None for what is absent or Go's zero time."""
    if not isinstance(value, str) or not value or value.startswith("0001-01-01"):
        return None
    try:
        # Go writes nanoseconds.
        at = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", value))
    except ValueError:
        raise ValueError(f"'{value}' is no instant") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
