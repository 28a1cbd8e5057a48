"""Named calendars: days off and blackout windows that jobs share."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from tocsin_shared.calendar_schedules import CalendarName, Days
from tocsin_shared.wire import Instant, Model, Text, UserModel

MOST_WINDOW_SECS = 31 * 86_400

#: Names of calendars, as jobs list them.
CalendarNames = Annotated[list[CalendarName], Field(max_length=10)]


class Blackout(StrEnum):
    """What becomes of an occurrence that is due in a blackout."""

    #: It does not happen; a skipped run says so.
    SKIP = "skip"
    #: The first one in the blackout waits for its end; later ones are skipped.
    DEFER = "defer"


class HolidaySet(UserModel):
    """The public holidays of a country, or of a part of it."""

    #: ISO 3166-1 alpha-2.
    country: Annotated[Text, StringConstraints(pattern=r"^[A-Z]{2}$")]
    #: The part's code in ISO 3166-2 without the country: `BY` for Bavaria.
    subdivision: Annotated[Text, StringConstraints(pattern=r"^[A-Za-z0-9]{1,6}$")] | None = None


class Window(UserModel):
    """A time in which jobs are to keep still: once, or whenever a cron expression says that it begins."""

    #: With `ends_at`: once, from here.
    starts_at: Instant | None = None
    #: The first instant after it.
    ends_at: Instant | None = None
    #: With `duration_secs`: it begins whenever this is due, on the calendar's clock.
    cron: Annotated[Text, Field(min_length=1, max_length=200)] | None = None
    duration_secs: Annotated[int, Field(ge=1, le=MOST_WINDOW_SECS)] | None = None
    policy: Blackout = Blackout.SKIP
    note: Annotated[Text, Field(max_length=500)] | None = None

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        once, again = (self.starts_at, self.ends_at), (self.cron, self.duration_secs)
        if (None in once and None in again) or (any(once) and any(again)):
            raise ValueError("give either starts_at and ends_at, or cron and duration_secs")
        if self.starts_at is not None and self.ends_at is not None and self.ends_at <= self.starts_at:
            raise ValueError("ends_at must be later than starts_at")
        return self


class CalendarSpec(UserModel):
    """What a calendar holds. Its days off are those of all holiday sets, and `dates`."""

    description: Annotated[Text, Field(max_length=10_000)] | None = None
    holidays: Annotated[list[HolidaySet], Field(max_length=20)] = []
    dates: Days = []
    windows: Annotated[list[Window], Field(max_length=200)] = []
    #: IANA name of the clock that the windows' cron expressions read; None means UTC.
    timezone: Annotated[Text, Field(max_length=64)] | None = None


class NewCalendar(CalendarSpec):
    """A calendar with its name."""

    name: CalendarName


class CalendarView(NewCalendar):
    """A calendar as it is stored."""

    created_by: str | None
    updated_by: str | None
    created_at: datetime
    updated_at: datetime
    #: Names of the jobs that refer to it, a hundred at most.
    jobs: list[str] = []


class DayOff(Model):
    """A day off in a calendar, and what it is."""

    date: str
    name: str
