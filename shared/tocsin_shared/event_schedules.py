"""The event schedule: a job that runs because something happened."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from tocsin_shared.wire import Text, UserModel


class EventMatch(UserModel):
    """Which events start the job."""

    #: A kind (`execution.completed`), the beginning of one (`execution.*`, `agent*`), or `*` for all.
    kind_pattern: Annotated[
        Text,
        StringConstraints(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_.\-]*\*?$"),
        Field(examples=["execution.completed"]),
    ]
    #: Only events of this severity.
    severity: Literal["info", "success", "warning", "error"] | None = None
    #: Only events of a job whose name contains this, or whose message does, in any case of letters.
    job_name_filter: Annotated[Text, Field(max_length=255)] | None = None


class EventSchedule(UserModel):
    """Whenever a matching event happens."""

    type: Literal["event"]
    value: EventMatch
