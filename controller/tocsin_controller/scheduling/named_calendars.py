"""Named calendars as schedules use them: small immutable values, made anew when a calendar changes."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from pydantic import ValidationError

from tocsin_controller.scheduling.calendar_days import EPOCH_DAY, day_of
from tocsin_controller.scheduling.cron_fires import cron_fires
from tocsin_controller.scheduling.holiday_sets import SetKey, names_in_year
from tocsin_controller.scheduling.zones import EPOCH
from tocsin_controller.store.calendars import calendars_named
from tocsin_controller.store.database import Queries, Record
from tocsin_shared.calendar_schedules import CalendarSchedule
from tocsin_shared.calendars import Blackout, CalendarSpec
from tocsin_shared.jobs import JobDefinition
from tocsin_shared.logs import log
from tocsin_shared.schedules import Dst

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class BlackoutWindow:
    """A time in which jobs keep still."""

    policy: Blackout
    note: str | None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    cron: str | None = None
    duration_secs: int = 0
    timezone: str = "UTC"

    def around(self, moment: datetime) -> tuple[datetime, datetime] | None:
        """Begin and end of the window that covers this moment; the end is outside."""
        if self.starts_at is not None and self.ends_at is not None:
            return (self.starts_at, self.ends_at) if self.starts_at <= moment < self.ends_at else None
        if self.cron is None:
            return None
        # The earliest beginning whose window reaches `moment`: one that began exactly so long ago has just ended.
        second = (moment - EPOCH) // _SECOND
        found = cron_fires(self.cron, self.timezone, Dst.ONCE).next(second - self.duration_secs + 1)
        if found is None or found[0] > second:
            return None
        begin = EPOCH + found[0] * _SECOND
        return begin, begin + timedelta(seconds=self.duration_secs)


@dataclass(frozen=True, slots=True)
class NamedCalendar:
    """Days off and windows under one name."""

    name: str
    dates: frozenset[int] = frozenset()
    sets: tuple[SetKey, ...] = ()
    windows: tuple[BlackoutWindow, ...] = ()

    def __contains__(self, day: object) -> bool:
        """Whether this day, counted from 1970, is a day off."""
        return isinstance(day, int) and (day in self.dates or self.holiday_name(day) is not None)

    def holiday_name(self, day: int) -> str | None:
        """What the day is called in its holiday sets."""
        if not self.sets or not 1 <= day + EPOCH_DAY <= date.max.toordinal():
            return None
        year = date.fromordinal(day + EPOCH_DAY).year
        return next((name for key in self.sets if (name := names_in_year(key, year).get(day))), None)


Calendars = Mapping[str, NamedCalendar]


def calendar_of(name: str, spec: CalendarSpec) -> NamedCalendar:
    """What people wrote, ready to be asked."""
    return NamedCalendar(
        name=name,
        dates=frozenset(day_of(day) for day in spec.dates),
        sets=tuple((one.country, one.subdivision) for one in spec.holidays),
        windows=tuple(
            BlackoutWindow(
                policy=window.policy,
                note=window.note,
                starts_at=window.starts_at,
                ends_at=window.ends_at,
                cron=window.cron,
                duration_secs=window.duration_secs or 0,
                timezone=spec.timezone or "UTC",
            )
            for window in spec.windows
        ),
    )


def names_used(job: JobDefinition) -> list[str]:
    """The calendars that a job refers to, each once."""
    names = list(job.blackouts)
    if isinstance(job.schedule, CalendarSchedule):
        names += job.schedule.value.calendars
    return sorted(set(names))


async def load_calendars(db: Queries, names: Iterable[str]) -> dict[str, NamedCalendar]:
    """These calendars as they are now; those that don't exist are left out. Without names nothing is asked."""
    wanted = set(names)
    return await parsed(await calendars_named(db, wanted)) if wanted else {}


async def parsed(rows: Iterable[Record]) -> dict[str, NamedCalendar]:
    """Rows as calendars, with the holidays of these years at hand."""
    found = {row["name"]: one for row in rows if (one := _parsed(row)) is not None}
    years = {datetime.now(UTC).year + ahead for ahead in range(2)}
    keys = [(key, year) for one in found.values() for key in one.sets for year in years]
    if missing := [pair for pair in keys if pair not in _at_hand]:
        await asyncio.to_thread(_compute, missing)
    return found


#: Holiday sets and years that were computed, so that nobody waits for a thread for nothing.
_at_hand: set[tuple[SetKey, int]] = set()


def _compute(pairs: Iterable[tuple[SetKey, int]]) -> None:
    for key, year in pairs:
        names_in_year(key, year)
        _at_hand.add((key, year))


#: Calendars by name and time of their last change, so that each content is parsed once.
_known: dict[tuple[str, datetime], NamedCalendar] = {}
_MOST_KNOWN = 1000


def _parsed(row: Record) -> NamedCalendar | None:
    """None for what another release wrote and this one can't read: only the jobs that use it must suffer from it."""
    key = row["name"], row["updated_at"]
    if key not in _known:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        try:
            spec = CalendarSpec.model_validate(row["definition"])
        except ValidationError:
            log.exception("calendar_unreadable", calendar=row["name"])
            return None
        _known[key] = calendar_of(row["name"], spec)
    return _known[key]
