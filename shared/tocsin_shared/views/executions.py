"""Executions, and what becomes of requests about them."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from tocsin_shared.executions import ExecutionStatus, Reason
from tocsin_shared.views.approvals import ApprovalView
from tocsin_shared.views.base import View
from tocsin_shared.views.causes import TriggeredBy


class UsageView(View):
    """What an execution took from its host."""

    cpu_secs: float | None
    peak_memory_bytes: int | None


class ExecutionSummary(View):
    """One attempt of a run on one agent."""

    id: UUID
    job_id: UUID
    agent_id: UUID | None
    status: ExecutionStatus
    exit_code: int | None
    started_at: datetime | None
    finished_at: datetime | None
    triggered_by: TriggeredBy
    extracted: dict[str, Any] | None
    retry_of: UUID | None
    attempt_number: int
    #: The run's parameters; left out when it has none.
    params: dict[str, Any] | None = None
    #: Of its run; null when the job asks for none.
    approval: ApprovalView | None
    stdout_truncated: bool
    stderr_truncated: bool
    run_id: UUID
    job_name: str | None
    job_version: int
    agent_name: str | None
    #: Machine-readable: why it did not succeed.
    reason: Reason | None
    #: The same for people.
    message: str | None
    fence: int
    #: When its run was due; null when triggered.
    scheduled_for: datetime | None
    created_at: datetime
    #: Somebody asked to end it. It is `cancelled` only once its agent has confirmed that.
    cancel_requested_at: datetime | None
    duration_secs: float | None
    #: Whole lengths, including what was not kept.
    stdout_bytes: int
    stderr_bytes: int
    usage: UsageView


class ExecutionView(ExecutionSummary):
    """An execution with its task and output: in lists the end of it, by itself all that was kept."""

    task_snapshot: dict[str, Any] | None
    stdout: str
    stderr: str


class CancelAnswer(View):
    """What became of a request to end an execution."""

    message: str
    execution_id: UUID
    #: `cancelling` while its agent is being told.
    status: ExecutionStatus | Literal["cancelling"]


class StreamTicket(View):
    """Stands in for a key on one execution's stream, once."""

    ticket: str
    expires_at: datetime


class RecentStatus(View):
    """One of a job's latest outcomes."""

    status: ExecutionStatus
    started_at: datetime | None
