"""When a job of Dkron's is due, as a schedule of ours. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tocsin_shared.dkron.schedules import ON_DEMAND, Once, check_timezone, parse_schedule


@dataclass(frozen=True, slots=True)
class When:
    """A schedule of ours, with the zone in which it is meant; None is UTC."""

    schedule: dict[str, Any]
    timezone: str | None = None


def read_schedule(text: str, timezone: str, name: str, now: datetime) -> When:
    """What the text means for a job of that name. Raises ValueError."""
    zone = check_timezone(timezone)
    said = parse_schedule(text, name)
    if isinstance(said, Once):
        return When(_once(said, now), zone)
    return When(said.schedule, zone if said.timezone is None else check_timezone(said.timezone))


def _once(said: Once, now: datetime) -> dict[str, Any]:
    """One whose instant has passed is due at once while its grace lasts, and then only by hand."""
    at = said.at
    if at <= now:
        if said.grace is None or now > at + said.grace:
            return ON_DEMAND
        at = now + timedelta(seconds=1)
    return {"type": "one_shot", "value": at.isoformat()}
