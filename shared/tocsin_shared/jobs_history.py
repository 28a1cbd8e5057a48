"""Saved changes of a job: comparing them and going back to one."""

from typing import Annotated

from pydantic import Field

from tocsin_shared.wire import Instant, UserModel

VersionNumber = Annotated[int, Field(ge=1, le=2**31 - 1)]


class RollbackRequest(UserModel):
    """Makes an old version the newest one again."""

    #: The version whose definition comes back, with a number of its own.
    version: VersionNumber
    #: Refuse (409) when the job was changed after this instant.
    if_unmodified_since: Instant | None = None
