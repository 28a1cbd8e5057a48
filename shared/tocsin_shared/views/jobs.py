"""Jobs as the REST API shows them.

Keys that the shared job API has are named as there; ours come after.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from tocsin_shared.dependencies import DependencyStatus
from tocsin_shared.jobs import ExecutionCounts, JobDefinition, JobStatus, LastExecution
from tocsin_shared.pausing import Pause
from tocsin_shared.views.base import View


class JobView(JobDefinition):
    """A job with its state. May be sent back in a PUT as it is."""

    id: UUID
    status: JobStatus
    #: Grows by one with every saved change of the definition.
    version: int
    created_by: str | None
    created_at: datetime
    updated_at: datetime
    #: When the schedule is due next; null when it is not.
    next_fire_time: datetime | None
    #: Why the schedule can't be evaluated any more, or the definition not read; saving a working schedule clears it.
    quarantined_reason: str | None = None
    #: Why it is paused and until when, if somebody said so.
    pause: Pause | None = None
    last_execution: LastExecution | None
    #: Outcomes of the job's latest executions, fifty at most.
    execution_counts: ExecutionCounts
    #: Whether a run would start now, as far as other jobs are concerned.
    deps_satisfied: bool = True
    deps_status: list[DependencyStatus] = []


class JobVersionView(View):
    """A saved change."""

    version: int
    #: The definition as it was.
    snapshot: dict[str, Any]
    changed_by: str | None
    created_at: datetime
