"""Whether an occurrence is due in a blackout, and what becomes of it then. Pure.

A blackout of a job is a window of one of its calendars, or a day off of one (from midnight to midnight on the job's
clock, policy `skip`). Windows that touch or overlap are one stretch, and skip wins over defer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tocsin_controller.scheduling.calendar_days import day_of
from tocsin_controller.scheduling.named_calendars import Calendars, NamedCalendar
from tocsin_controller.scheduling.zones import load_zone
from tocsin_shared.calendars import Blackout
from tocsin_shared.jobs import JobDefinition

_MICROSECOND = timedelta(microseconds=1)
#: Windows that are followed to find where a stretch begins or ends. One of more is never over: its policy is `skip`.
MOST_WINDOWS = 100


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time without work around a moment."""

    policy: Blackout
    #: Of a stretch that is put off: where it begins and the first instant after it.
    begin: datetime
    end: datetime
    #: One sentence for people.
    why: str


class UnreadableCalendar(Exception):
    """A job's calendar can't be read here. Running in its blackouts would be worse than not running."""

    def __init__(self, name: str) -> None:
        super().__init__(f"this release can't read the calendar '{name}'")


def blackout_around(job: JobDefinition, calendars: Calendars, moment: datetime) -> Stretch | None:
    """The blackout of a job that covers a moment. Raises UnreadableCalendar when one of its calendars is missing."""
    for name in job.blackouts:
        if name not in calendars:
            raise UnreadableCalendar(name)
    return stretch_around([calendars[name] for name in job.blackouts], job.timezone or "UTC", moment)


def stretch_around(calendars: Sequence[NamedCalendar], timezone: str, moment: datetime) -> Stretch | None:
    """The blackout that covers a moment; None when the job may run then."""
    if (why := _skipped(calendars, timezone, moment)) is not None:
        return Stretch(Blackout.SKIP, moment, moment, why)
    found = _deferred(calendars, moment)
    if found is None:
        return None
    begin, end, why = found
    for _ in range(MOST_WINDOWS):
        if (later := _deferred(calendars, end)) is None:
            break
        end = later[1]
    else:
        return Stretch(Blackout.SKIP, moment, moment, f"{why}; it does not end in sight")
    for _ in range(MOST_WINDOWS):
        if (earlier := _deferred(calendars, begin - _MICROSECOND)) is None:
            break
        begin = earlier[0]
    return Stretch(Blackout.DEFER, begin, end, why)


def is_first_in(
    stretch: Stretch, instant: datetime, next_after: Callable[[datetime], datetime | None]
) -> bool:
    """Whether no earlier instant of the schedule lies in the stretch."""
    return next_after(stretch.begin - _MICROSECOND) == instant


def _skipped(calendars: Sequence[NamedCalendar], timezone: str, moment: datetime) -> str | None:
    today = day_of(moment.astimezone(load_zone(timezone)).date())
    for calendar in calendars:
        if today in calendar:
            what = calendar.holiday_name(today)
            return f"a day off in the calendar '{calendar.name}'" + (f" ({what})" if what else "")
        for window in calendar.windows:
            if window.policy is Blackout.SKIP and window.around(moment) is not None:
                return _words(calendar, window.note)
    return None


def _deferred(calendars: Sequence[NamedCalendar], moment: datetime) -> tuple[datetime, datetime, str] | None:
    """The first window found that covers the moment, with its end and why."""
    for calendar in calendars:
        for window in calendar.windows:
            if window.policy is Blackout.DEFER and (found := window.around(moment)) is not None:
                return *found, _words(calendar, window.note)
    return None


def _words(calendar: NamedCalendar, note: str | None) -> str:
    return f"a blackout of the calendar '{calendar.name}'" + (f" ({note})" if note else "")
