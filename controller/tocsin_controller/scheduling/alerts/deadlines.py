"""The instants of a daily deadline. Pure.

A time of day that a clock change skips is the instant of the change; one that comes twice counts the first time.
"""

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from tocsin_controller.scheduling.zones import EPOCH, load_zone, period_at
from tocsin_shared.jobs import JobDefinition

_DAY = timedelta(days=1)
#: Deadlines longer ago than this are not looked at any more, however long no controller ran.
LOOK_BACK = timedelta(days=7)


class Deadline(NamedTuple):
    """The next thing to look at because of a deadline."""

    #: The warning before it, or itself.
    due_at: datetime
    at: datetime


def next_deadline(job: JobDefinition, after: datetime) -> Deadline | None:
    """The first warning or deadline after an instant; None when the job has none."""
    if job.sla_deadline is None:
        return None
    at = deadline_after(job.sla_deadline, job.timezone or "UTC", after)
    warn_at = at - timedelta(minutes=job.sla_warning_mins)
    return Deadline(warn_at if warn_at > after else at, at)


def deadline_after(time_of_day: str, zone: str, after: datetime) -> datetime:
    """The first instant after another at which it is this time of day there. Raises UnknownZone."""
    day = after.astimezone(load_zone(zone)).date() - _DAY
    while (found := instant_of(time_of_day, zone, day)) <= after:
        day += _DAY
    return found


def deadline_before(time_of_day: str, zone: str, deadline: datetime) -> datetime:
    """The deadline of the day before: where the day of this one begins. Raises UnknownZone."""
    day = deadline.astimezone(load_zone(zone)).date() + _DAY
    while (found := instant_of(time_of_day, zone, day)) >= deadline:
        day -= _DAY
    return found


def instant_of(time_of_day: str, zone: str, day: date) -> datetime:
    """When it is this time of day there on this day. Raises UnknownZone."""
    hour, minute = map(int, time_of_day.split(":"))
    local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=load_zone(zone))
    instant = local.astimezone(UTC)
    if instant.astimezone(local.tzinfo).replace(tzinfo=None) == local.replace(tzinfo=None):
        return instant
    change = period_at(zone, (instant - EPOCH) // timedelta(seconds=1)).start
    return EPOCH + timedelta(seconds=change)
