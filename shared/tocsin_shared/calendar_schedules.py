"""The calendar schedule: days that people name by the month, such as the last working day."""

import re
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from tocsin_shared.wire import Text, UserModel

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_ANCHOR = (
    r"^(last_day|day_(0?[1-9]|[12][0-9]|3[01])|nth_weekday"
    r"|(first|last)_(monday|tuesday|wednesday|thursday|friday|saturday|sunday))$"
)
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Roll(StrEnum):
    """What happens when the day is a weekend or a holiday that is not worked on."""

    #: The occurrence is left out.
    SKIP = "skip"
    #: It moves to the first working day after it.
    NEXT = "next"
    #: It moves to the last working day before it.
    PREVIOUS = "previous"


def _lower(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


def _only_dates(value: Any) -> Any:
    """A number is no date, although it could be read as seconds since 1970."""
    if isinstance(value, date) or (isinstance(value, str) and _ISO_DATE.fullmatch(value)):
        return value
    raise ValueError("must be a date such as 2026-12-25")


def _each_once(values: list[Any]) -> list[Any]:
    return sorted(set(values))


#: The name of a calendar: letters, digits, `-`, `_` and `.`.
CalendarName = Annotated[
    Text, StringConstraints(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]*$")
]

#: A day without time or zone: YYYY-MM-DD.
Day = Annotated[date, BeforeValidator(_only_dates)]

#: Days in order, each once.
Days = Annotated[list[Day], Field(max_length=2000), AfterValidator(_each_once)]


class CalendarRule(UserModel):
    """A day of the month, moved by an offset and by days off, at a time of day on the job's clock."""

    #: `last_day`, `day_15`, `first_monday`, `last_friday`, or `nth_weekday` together with `nth` and `weekday`.
    anchor: Annotated[
        Text,
        BeforeValidator(_lower),
        StringConstraints(max_length=20, pattern=_ANCHOR),
        Field(examples=["last_day"]),
    ]
    #: Days after the anchor, or before it when negative; it may lead into another month.
    offset_days: Annotated[int, Field(ge=-366, le=366)] = 0
    #: Which of the month's weekdays: 2 is the second. Months without a fifth one are left out.
    nth: Annotated[Annotated[int, Field(ge=1, le=5)] | None, Field(validate_default=True)] = None
    weekday: Annotated[
        Annotated[
            Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"],
            BeforeValidator(_lower),
        ]
        | None,
        Field(validate_default=True),
    ] = None
    hour: Annotated[int, Field(ge=0, le=23)] = 0
    minute: Annotated[int, Field(ge=0, le=59)] = 0
    second: Annotated[int, Field(ge=0, le=59)] = 0
    #: Months of the anchor, 1 to 12; empty means every month.
    months: Annotated[
        list[Annotated[int, Field(ge=1, le=12)]], Field(max_length=12), AfterValidator(_each_once)
    ] = []
    #: Saturdays and Sundays are days off.
    skip_weekends: bool = False
    #: Further days off.
    holidays: Days = []
    #: Named calendars whose days off count, too.
    calendars: Annotated[list[CalendarName], Field(max_length=10)] = []
    #: What happens on a day off.
    roll: Roll = Roll.SKIP

    @field_validator("nth", "weekday")
    @classmethod
    def _belongs_to_anchor(cls, value: Any, info: ValidationInfo) -> Any:
        anchor = info.data.get("anchor")
        if anchor == "nth_weekday" and value is None:
            raise ValueError("is needed with the anchor nth_weekday")
        if anchor not in (None, "nth_weekday") and value is not None:
            raise ValueError("goes with the anchor nth_weekday only")
        return value

    @field_validator("roll")
    @classmethod
    def _has_days_off(cls, value: Roll, info: ValidationInfo) -> Roll:
        if value is not Roll.SKIP and not any(
            info.data.get(key) for key in ("skip_weekends", "holidays", "calendars")
        ):
            raise ValueError("has no days off to move away from: set skip_weekends, holidays or calendars")
        return value


class CalendarSchedule(UserModel):
    """Once a month, or in some months, on a day such as the last working day."""

    type: Literal["calendar"]
    value: CalendarRule
