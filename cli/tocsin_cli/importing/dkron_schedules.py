"""When Dkron's jobs are due, as schedules of documents."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from tocsin_cli.importing.converted import Json
from tocsin_shared.dkron.instants import ZERO, parse_form_instant
from tocsin_shared.dkron.schedules import (
    LONGEST_INTERVAL_SECS,
    ON_DEMAND,
    Once,
    check_timezone,
    parse_schedule,
)

#: How long a missed instant can be made up for, at least and at most.
_CATCHUP_SECS: Final = (10, 31 * 86_400)


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
    check_timezone(timezone or "")
    said = parse_schedule(text, name)
    if isinstance(said, Once):
        return _once(said, now)
    read = DkronSchedule(said.schedule)
    match said.schedule:
        case {"type": "cron"} if text != "@minutely":
            zone = said.timezone
            if zone is None and not said.is_descriptor:
                zone = timezone
            read.timezone = None if zone in (None, "", "Local") else zone
            read.is_of_server = read.timezone is None
        case {"value": {"interval_secs": secs}} if secs == LONGEST_INTERVAL_SECS:
            read.notes.append("runs every 366 days, the longest interval that there is")
    return read


def _once(said: Once, now: datetime) -> DkronSchedule:
    if said.at <= now:
        is_late = said.grace is not None and now - said.at <= said.grace
        why = "runs on demand only: its instant has passed"
        return DkronSchedule(ON_DEMAND, notes=[f"{why}, Dkron would still run it once" if is_late else why])
    schedule = DkronSchedule({"type": "one_shot", "value": written(said.at)})
    if said.grace is not None:
        least, most = _CATCHUP_SECS
        schedule.catchup_window_secs = min(max(int(said.grace.total_seconds()), least), most)
    return schedule


def instant(value: Any) -> datetime | None:
    """None for what is absent or Go's zero time. Raises ValueError."""
    if not isinstance(value, str) or value in ("", ZERO):
        return None
    return parse_form_instant(value)


def written(at: datetime) -> str:
    """In UTC. Raises ValueError for an instant outside of the calendar there."""
    try:
        return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except OverflowError:
        raise ValueError(f"'{at.isoformat()}' is no instant in UTC") from None
