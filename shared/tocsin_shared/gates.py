"""How many runs may be open at once, of one job and of several that share a key."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from tocsin_shared.wire import Text, UserModel


class Overlap(StrEnum):
    """What becomes of a new run while `max_concurrent` runs of its job are open."""

    #: It is recorded as skipped, with reason `overlap`.
    SKIP = "skip"
    #: It waits until one of them has ended; first come, first served.
    QUEUE = "queue"
    #: The oldest are cancelled, and it starts once as many as needed have really ended.
    REPLACE = "replace"


ConcurrencyKey = Annotated[
    Text, StringConstraints(min_length=1, max_length=100, pattern=r"^[\w][\w .:/@-]*$", strip_whitespace=True)
]


class Concurrency(UserModel):
    """A key that several jobs share: of all their runs only so many are open at once."""

    key: ConcurrencyKey
    #: While a run of this job holds the key, at most so many do, this one included; 1 excludes all others.
    limit: Annotated[int, Field(ge=1, le=10_000)] = 1
