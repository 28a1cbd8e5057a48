"""What a job waits for: other jobs, and how they must have ended."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

from pydantic import ConfigDict, Field

from tocsin_shared.executions import RunStatus
from tocsin_shared.wire import Model, Name, UserModel

#: A job waits for no more than this many others.
MOST_DEPENDENCIES: Final = 1_000


class Condition(StrEnum):
    """How the other job must have ended."""

    #: It succeeded.
    SUCCESS = "success"
    #: It failed, timed out or was lost.
    FAILURE = "failure"
    #: It ended, in whatever way.
    ALWAYS = "always"


class Dependency(UserModel):
    """One job that another waits for."""

    #: The job that must have ended; a name is accepted and stored as the id.
    job_id: Annotated[UUID | Name, Field(union_mode="left_to_right")]
    #: Its end may not be longer ago than this; null means however long.
    within_secs: Annotated[int, Field(ge=1, le=366 * 86_400)] | None = None
    #: How it must have ended.
    condition: Condition = Condition.SUCCESS


class DependencyStatus(Model):
    """How one dependency of a job stands."""

    model_config = ConfigDict(extra="forbid")

    job_id: UUID
    job_name: str | None
    within_secs: int | None
    satisfied: bool
    condition: Condition
    #: The newest run of that job that was not skipped; null when it never ran.
    run_id: UUID | None
    run_status: RunStatus | None
    finished_at: datetime | None
    #: Why it is not satisfied.
    why: str | None


_FAILURES: Final = frozenset({RunStatus.FAILED, RunStatus.TIMED_OUT, RunStatus.LOST})


def is_met(condition: Condition, status: RunStatus) -> bool:
    """Whether a run that ended so is what the condition asks for. A cancelled run is neither success nor failure."""
    match condition:
        case Condition.SUCCESS:
            return status is RunStatus.SUCCEEDED
        case Condition.FAILURE:
            return status in _FAILURES
        case Condition.ALWAYS:
            return status.is_final
