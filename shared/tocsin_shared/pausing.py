"""Pausing a job's schedule: why, and until when."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from tocsin_shared.wire import Instant, Model, Text, UserModel


class PauseRequest(UserModel):
    """Stops a schedule from acting. Triggering by hand still works. The body may be absent."""

    #: Why, for those who wonder.
    note: Annotated[Text, Field(max_length=1000)] | None = None
    #: The schedule acts again by itself from this instant on, itself included.
    until: Instant | None = None


class Pause(Model):
    """Why a job is paused, by whom and until when."""

    note: str | None
    #: Null: until somebody resumes it.
    until: datetime | None
    by: str
    at: datetime
