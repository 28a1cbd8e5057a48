"""Counts of executions and jobs."""

from tocsin_shared.executions import ExecutionStatus
from tocsin_shared.views.base import View


class ChartsView(View):
    """Counts by label."""

    #: All executions that history still has.
    execution_outcomes: dict[str, int]
    #: Jobs by what they do.
    task_types: dict[str, int]
    #: Jobs by when they do it.
    schedule_types: dict[str, int]


class TimelinePoint(View):
    """One minute. Executions count in the minute in which they were made, whenever they end."""

    #: `2026-01-31T08:30`, in UTC.
    time: str
    succeeded: int
    #: Failed and timed out.
    failed: int
    #: Cancelled, lost, skipped, and what has not ended.
    other: int


class MinuteLine(View):
    """Executions of one job made in one minute that stand alike."""

    job_name: str
    status: ExecutionStatus
    count: int
