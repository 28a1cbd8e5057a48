"""When a job is due. `type` says which kind, `value` carries its settings."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from tocsin_shared.calendar_schedules import CalendarSchedule
from tocsin_shared.calendars import CalendarNames
from tocsin_shared.event_schedules import EventSchedule
from tocsin_shared.wire import Instant, Name, Text, UserModel


class Dst(StrEnum):
    """What a cron or calendar schedule does when the clocks change."""

    #: A time that falls in the spring gap runs right after it; a time that comes twice in autumn runs once.
    ONCE = "once"
    #: A time in the gap does not run; a repeated time runs the first time only.
    SKIP = "skip"
    #: A time in the gap runs right after it; a repeated time runs both times.
    TWICE = "twice"


class Catchup(StrEnum):
    """What becomes of instants that passed while no controller was running."""

    #: The newest missed instant runs; older ones are recorded as skipped.
    LATEST = "latest"
    #: Every missed instant inside the window runs, oldest first.
    ALL = "all"
    #: None runs; each is recorded as skipped.
    NONE = "none"


class CronSchedule(UserModel):
    """Six fields `sec min hour dom month dow`, or five without the seconds, or a macro such as `@daily`.

    `H` stands for a value that is worked out from the job's name: `H H(2-4) * * *` is once a night.
    """

    type: Literal["cron"]
    value: Annotated[Text, Field(min_length=1, max_length=200, examples=["0 30 8 * * 1-5"])]


class CountedFrom(StrEnum):
    """Where an interval begins."""

    #: Due instants are a grid from `starts_at` or the job's creation on, whatever the runs do.
    ANCHOR = "anchor"
    #: The end of the last run, whoever started it; while a run is open the job is not due.
    FINISH = "finish"


class Interval(UserModel):
    interval_secs: Annotated[int, Field(ge=1, le=366 * 86_400)]
    #: Absent means `anchor`.
    counted_from: CountedFrom | None = None

    omitted_when_none = frozenset({"counted_from"})


class IntervalSchedule(UserModel):
    """A fixed distance between due instants, or between the end of a run and the next one."""

    type: Literal["interval"]
    value: Interval


class OneShotSchedule(UserModel):
    """Once, at an instant."""

    type: Literal["one_shot"]
    value: Instant


class OnDemandSchedule(UserModel):
    """Only when triggered."""

    type: Literal["on_demand"]


def _normalise(value: Any) -> Any:
    """Accepts the bare string and the alias that other systems' clients send."""
    if value in ("on_demand", "manual"):
        return {"type": "on_demand"}
    if isinstance(value, dict) and value.get("type") in ("manual", "on_demand"):
        return {**{k: v for k, v in value.items() if k != "value" or v is not None}, "type": "on_demand"}
    return value


Schedule = Annotated[
    Annotated[
        CronSchedule
        | IntervalSchedule
        | CalendarSchedule
        | EventSchedule
        | OneShotSchedule
        | OnDemandSchedule,
        Field(discriminator="type"),
    ],
    BeforeValidator(_normalise),
]


class FireNote(StrEnum):
    """Why a coming fire stands where it stands."""

    #: The local time does not exist that day; moved to the end of the gap.
    DST_GAP = "dst_gap"
    #: The local time comes twice that day; this is its first occurrence.
    DST_FIRST = "dst_first"
    #: The local time comes twice that day; this is its second occurrence.
    DST_SECOND = "dst_second"
    #: It is due in a blackout: skipped, or put off.
    BLACKOUT = "blackout"


class PreviewRequest(UserModel):
    """Asks for the coming fires of a schedule that need not belong to any job yet."""

    schedule: Schedule
    timezone: Text | None = None
    dst: Dst = Dst.ONCE
    starts_at: Instant | None = None
    expires_at: Instant | None = None
    #: The job's name, which `H` in cron expressions and `jitter_secs` depend on.
    name: Name | None = None
    jitter_secs: Annotated[int, Field(ge=0, le=86_400)] = 0
    #: Named calendars, as a job's `blackouts`.
    blackouts: CalendarNames = []
    #: Look after this instant instead of now.
    after: Instant | None = None
    count: Annotated[int, Field(ge=1, le=100)] = 10


class PreviewFire(UserModel):
    """One coming fire, in UTC and as the clock on the job's wall shows it."""

    at: datetime
    local: Text
    utc_offset: Text
    notes: list[FireNote] = []
    #: When its run starts, with `jitter_secs`.
    starts_at: datetime | None = None
    explanation: Text | None = None


class Preview(UserModel):
    """The coming fires, and a sentence when there are fewer than asked for."""

    fires: list[PreviewFire]
    timezone: Text
    note: Text | None = None
