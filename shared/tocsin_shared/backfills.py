"""Backfills: runs for instants of the past that a schedule would have had."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from tocsin_shared.wire import Instant, Model, UserModel

#: Instants of one backfill.
MOST_INSTANTS = 10_000


class BackfillRequest(UserModel):
    """One run for each instant in a range of the past at which the schedule, as it is now, would have been due."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, serialize_by_alias=True)

    #: The first instant that counts.
    since: Annotated[Instant, Field(alias="from")]
    #: The last instant that counts; not in the future.
    until: Annotated[Instant, Field(alias="to")]
    #: So many of its runs are open at once.
    max_concurrent: Annotated[int, Field(ge=1, le=100)] = 1
    #: Instants that are recorded as skipped (missed, overlap, ...) get a run, too.
    include_skipped: bool = False
    #: Say what would be run, and do nothing.
    dry_run: bool = False


class BackfillView(Model):
    """A backfill and how far it is."""

    model_config = ConfigDict(populate_by_name=True)

    #: Null for one that was only tried.
    id: UUID | None
    job_id: UUID
    job_name: str
    status: Literal["dry_run", "running", "done", "cancelled"]
    since: Annotated[datetime, Field(alias="from")]
    until: Annotated[datetime, Field(alias="to")]
    max_concurrent: int
    include_skipped: bool
    #: Instants in the range.
    instants: int
    #: Of these, how many have a run already (or, without `include_skipped`, a skipped one) and are left out.
    left_out: int
    #: Its runs by status.
    runs: dict[str, int] = {}
    #: For one that was only tried: the instants that would be run, a thousand at most.
    would_run: list[datetime] | None = None
    created_by: str | None = None
    created_at: datetime | None = None
    finished_at: datetime | None = None
