"""Pipelines as people write and read them: the schedule of a group, and its pipeline runs."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from tocsin_shared.calendar_schedules import CalendarSchedule
from tocsin_shared.dependencies import Condition
from tocsin_shared.executions import Reason
from tocsin_shared.schedules import CountedFrom, CronSchedule, Dst, IntervalSchedule
from tocsin_shared.views.base import View
from tocsin_shared.views.causes import TriggeredBy
from tocsin_shared.wire import Text, UserModel

PipelineStatus = Literal["running", "succeeded", "failed", "cancelled", "incomplete"]
#: That of the step's run; `waiting` while it may still come, `not_run` once it can't.
StepState = Literal[
    "waiting",
    "not_run",
    "pending",
    "running",
    "succeeded",
    "failed",
    "timed_out",
    "cancelled",
    "lost",
    "skipped",
]


def _on_a_grid(schedule: IntervalSchedule) -> IntervalSchedule:
    if schedule.value.counted_from is CountedFrom.FINISH:
        raise ValueError(
            "intervals of pipelines are counted from when they were set, not from the last run's end"
        )
    return schedule


PipelineSchedule = Annotated[
    CronSchedule | Annotated[IntervalSchedule, AfterValidator(_on_a_grid)] | CalendarSchedule,
    Field(discriminator="type"),
]


class PipelineScheduleSet(UserModel):
    """When the roots of a group start by themselves."""

    #: An interval is first due once it has passed.
    schedule: PipelineSchedule
    #: IANA name of the zone whose wall clock counts; absent: UTC.
    timezone: Annotated[Text, Field(max_length=64)] | None = None
    #: What a clock change does to a time of day that is skipped or comes twice.
    dst: Dst = Dst.ONCE


class PipelineScheduleAnswer(View):
    """The schedule is set."""

    status: Literal["ok"]
    group: str


class PipelineRunView(View):
    """One cascade: what a run of a job with dependents set off, or a pipeline schedule."""

    #: That of the run that it began with, if it began with one.
    id: UUID
    group: str
    status: PipelineStatus
    triggered_by: TriggeredBy
    created_at: datetime
    finished_at: datetime | None
    #: So far, while it runs.
    duration_secs: float | None


class PipelineView(View):
    """A group whose jobs wait for each other, or that has a schedule."""

    group: str
    jobs: int
    schedule: PipelineSchedule | None
    timezone: str | None
    next_fire_time: datetime | None
    last_run: PipelineRunView | None


class StepView(View):
    """One job of a pipeline run."""

    job_id: UUID
    job_name: str | None
    #: Its newest run here.
    run_id: UUID | None
    state: StepState
    reason: Reason | None
    message: str | None
    #: How often it was started here; more than once after a retry.
    starts: int
    created_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    #: From when it could start to its end, or to now.
    duration_secs: float | None


class EdgeView(View):
    """One job waits for another."""

    #: The job that must have ended; not among the steps when it belongs to another cascade.
    parent_id: UUID
    job_id: UUID
    condition: Condition
    within_secs: int | None


class PipelineRunDetail(PipelineRunView):
    """A pipeline run with its graph."""

    steps: list[StepView]
    edges: list[EdgeView]
    #: There are more steps or edges than are listed.
    is_truncated: bool
    #: How many steps are in which state.
    counts: dict[str, int]
    #: The chain of jobs that took longest together: to end earlier, make one of these faster.
    critical_path: list[UUID]
    critical_path_secs: float


class PipelineStarted(View):
    """What was started."""

    message: str
    pipeline_run_id: UUID
    run_ids: list[UUID]
