"""Doing the same to many jobs."""

from enum import StrEnum
from typing import Annotated, Any, Final, Self
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from tocsin_shared.jobs import AnyJobStatus, GroupName
from tocsin_shared.wire import Instant, Model, Text, UserModel

#: Jobs of one request.
MOST_JOBS: Final = 1_000


class BulkAction(StrEnum):
    """What is done to each job."""

    PAUSE = "pause"
    RESUME = "resume"
    TRIGGER = "trigger"
    DELETE = "delete"
    #: Into another group.
    MOVE = "move"
    SET_PRIORITY = "set_priority"


#: The field that an action needs, and that no other action takes.
NEEDED: Final = {BulkAction.MOVE: "group", BulkAction.SET_PRIORITY: "priority"}

#: The fields that an action may have, and no other action.
TAKEN: Final = {BulkAction.PAUSE: ("note", "until"), BulkAction.TRIGGER: ("params",)}


class BulkFilter(UserModel):
    """Which jobs; all that is said must hold."""

    group: GroupName | None = None
    status: AnyJobStatus | None = None
    #: Found literally in the name or the task, in any case of letters.
    search: Annotated[Text, Field(min_length=1, max_length=500)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.group is None and self.status is None and self.search is None:
            raise ValueError("must say a group, a status or a text to search")
        return self


class BulkRequest(UserModel):
    """The same action for many jobs: those named, or those that match."""

    action: BulkAction
    job_ids: Annotated[list[UUID], Field(min_length=1, max_length=MOST_JOBS)] | None = None
    filter: BulkFilter | None = None
    #: Check what would happen to each, and do nothing.
    dry_run: bool = False
    #: For `move`: where to.
    group: GroupName | None = None
    #: For `set_priority`.
    priority: Annotated[int, Field(ge=-1000, le=1000)] | None = None
    #: For `pause`: why.
    note: Annotated[Text, Field(max_length=1000)] | None = None
    #: For `pause`: the schedules act again by themselves from this instant on.
    until: Instant | None = None
    #: For `trigger`: values for the jobs' parameters.
    params: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _fits_its_action(self) -> Self:
        if (self.job_ids is None) == (self.filter is None):
            raise ValueError("say which jobs by either job_ids or filter")
        for action, field in NEEDED.items():
            if (getattr(self, field) is None) == (action is self.action):
                verb = "needs" if action is self.action else "takes no"
                raise ValueError(f"{self.action.value} {verb} {field}")
        for action, fields in TAKEN.items():
            for field in fields:
                if getattr(self, field) is not None and action is not self.action:
                    raise ValueError(f"{self.action.value} takes no {field}")
        return self


class BulkResult(Model):
    """What became of one job."""

    model_config = ConfigDict(extra="forbid")

    job_id: UUID
    #: Null when there is no such job.
    name: str | None
    ok: bool
    #: For programs, when it is not ok: `not_found`, `invalid_input`, ...
    code: str | None = None
    #: One sentence for people.
    error: str | None = None
    #: Of `trigger`.
    run_id: UUID | None = None


class BulkAnswer(Model):
    """What became of each job; one that failed kept no other from being done."""

    model_config = ConfigDict(extra="forbid")

    action: BulkAction
    dry_run: bool
    total: int
    succeeded: int
    failed: int
    #: By name for a filter, else in the order in which they were named.
    results: list[BulkResult]
