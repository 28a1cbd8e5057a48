"""All that decides when a job is due, as one small immutable value."""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self, assert_never

from tocsin_controller.scheduling.calendar_days import CalendarDays
from tocsin_controller.scheduling.cron_syntax import depends_on_name
from tocsin_shared.calendar_schedules import CalendarSchedule
from tocsin_shared.event_schedules import EventSchedule
from tocsin_shared.jobs import JobDefinition
from tocsin_shared.schedules import (
    CountedFrom,
    CronSchedule,
    Dst,
    IntervalSchedule,
    OnDemandSchedule,
    OneShotSchedule,
)


@dataclass(frozen=True, slots=True)
class Cron:
    """At the wall clock times that match."""

    expression: str
    #: The name of the job, when the expression has values that are worked out from it.
    key: str = ""


@dataclass(frozen=True, slots=True)
class Calendar:
    """On days named by the month, at a time of the wall clock."""

    days: CalendarDays


@dataclass(frozen=True, slots=True)
class Every:
    """At a fixed distance of elapsed time, whatever the clocks do."""

    interval_secs: int


@dataclass(frozen=True, slots=True)
class AfterFinish:
    """So long after the last run has ended. When that is, only the runs can tell: see `after_finish`."""

    interval_secs: int


@dataclass(frozen=True, slots=True)
class Once:
    """At one instant."""

    at: datetime


@dataclass(frozen=True, slots=True)
class OnDemand:
    """Never by itself."""


Rule = Cron | Calendar | Every | AfterFinish | Once | OnDemand

#: Schedules as people write them.
AnySchedule = (
    CronSchedule | CalendarSchedule | EventSchedule | IntervalSchedule | OneShotSchedule | OnDemandSchedule
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """A job's rule with everything it depends on. Equal timings are due at the same instants.

    All instants are in UTC.
    """

    rule: Rule
    #: `Every` counts from here: the first instant is the anchor itself.
    anchor: datetime
    #: IANA name of the zone whose wall clock `Cron` and `Calendar` read.
    timezone: str = "UTC"
    dst: Dst = Dst.ONCE
    #: Nothing is due before this instant, or after `expires_at`. Both may be due themselves.
    starts_at: datetime | None = None
    expires_at: datetime | None = None

    @classmethod
    def of(
        cls,
        schedule: AnySchedule,
        *,
        created_at: datetime,
        timezone: str | None = None,
        dst: Dst = Dst.ONCE,
        starts_at: datetime | None = None,
        expires_at: datetime | None = None,
        name: str = "",
        calendars: Mapping[str, Container[int]] | None = None,
    ) -> Self:
        """The timing of a job as people described it. Checks nothing: see `checking.check_timing`."""
        return cls(
            rule=_rule(schedule, name, calendars),
            anchor=(starts_at or created_at).astimezone(UTC),
            timezone="UTC" if timezone is None else timezone,
            dst=dst,
            starts_at=starts_at and starts_at.astimezone(UTC),
            expires_at=expires_at and expires_at.astimezone(UTC),
        )


def timing_of(
    job: JobDefinition, anchor: datetime, calendars: Mapping[str, Container[int]] | None = None
) -> Timing:
    """The timing of a job whose intervals are counted from `anchor`, with the named calendars it refers to."""
    return Timing.of(
        job.schedule,
        created_at=anchor,
        timezone=job.timezone,
        dst=job.dst,
        starts_at=job.starts_at,
        expires_at=job.expires_at,
        name=job.name,
        calendars=calendars,
    )


def _rule(schedule: AnySchedule, name: str, calendars: Mapping[str, Container[int]] | None) -> Rule:
    match schedule:
        case CronSchedule():
            return Cron(schedule.value, name if depends_on_name(schedule.value) else "")
        case CalendarSchedule():
            return Calendar(CalendarDays.of(schedule.value, calendars))
        case IntervalSchedule():
            if schedule.value.counted_from is CountedFrom.FINISH:
                return AfterFinish(schedule.value.interval_secs)
            return Every(schedule.value.interval_secs)
        case OneShotSchedule():
            return Once(schedule.value.astimezone(UTC))
        case OnDemandSchedule() | EventSchedule():
            return OnDemand()
        case _:
            assert_never(schedule)
