"""Runs: their hosts, batches, and what they wait for."""

from datetime import datetime
from typing import Any
from uuid import UUID

from tocsin_shared.executions import Reason, RunStatus
from tocsin_shared.views.approvals import ApprovalView
from tocsin_shared.views.base import View
from tocsin_shared.views.causes import TriggeredBy
from tocsin_shared.views.executions import ExecutionSummary


class NotReached(View):
    """An agent that an `all` run should have reached and did not."""

    agent_id: UUID
    name: str
    why: str


class RolloutView(View):
    """How far a run on every host is with its batches."""

    #: Hosts in each batch, as they were when the run began; the canaries are the first one.
    sizes: list[int]
    has_canary: bool
    #: Hosts that were offline and are, or were, waited for; they come after the last batch.
    late: int
    #: So many hosts have to succeed; null: none may fail.
    quorum: int | None
    #: Batches that were begun; one more than there are `sizes` when those waited for have their turn.
    released: int
    #: Why no further batch begins.
    stopped: str | None
    #: When the next batch begins, while there is a delay between two.
    next_at: datetime | None
    #: Until when offline hosts are waited for.
    waits_until: datetime | None


class RunView(View):
    """One occurrence of a job."""

    id: UUID
    job_id: UUID
    job_name: str | None
    job_version: int
    status: RunStatus
    reason: Reason | None
    message: str | None
    triggered_by: TriggeredBy
    params: dict[str, Any] | None
    scheduled_for: datetime | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    duration_secs: float | None
    #: Executions that have not ended, and how the ended ones ended; retried attempts do not count.
    open_executions: int
    succeeded: int
    failed: int
    timed_out: int
    cancelled: int
    lost: int
    not_reached: list[NotReached]
    #: null when all hosts began at once.
    rollout: RolloutView | None
    #: Null when the job asks for none.
    approval: ApprovalView | None


class RunBefore(View):
    """A run that holds what another waits for, or comes before it."""

    run_id: UUID
    job_id: UUID
    job_name: str | None
    #: Since when it holds its places; null while it waits too.
    held_at: datetime | None


class WaitingFor(View):
    """A limit that a run waits for."""

    #: `job:<id>` for `max_concurrent` of the job, `key:<name>` for a shared key.
    key: str
    #: It starts only while fewer runs than this hold the key.
    limit: int
    since: datetime
    #: The first hundred: those that hold the key, then those that wait before this one.
    before: list[RunBefore]


class RunDetail(RunView):
    """A run with its executions, oldest first."""

    #: Of more than 5,000 the newest.
    executions: list[ExecutionSummary]
    #: There are more executions; a list of executions with this `run_id` has them all.
    is_truncated: bool
    #: While the reason is `waiting_for_place`: what it waits for, and who has it.
    waiting_for: list[WaitingFor]


class RunCancelAnswer(View):
    """What became of a request to end a run."""

    message: str
    run_id: UUID
    execution_ids: list[UUID]
