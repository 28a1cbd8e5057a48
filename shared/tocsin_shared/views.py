"""What the REST API answers with. Lists come as a `Page`; the rest as it stands here.

Keys that the shared job API has are named as there; ours come after.
"""

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from tocsin_shared.dependencies import DependencyStatus
from tocsin_shared.executions import ExecutionStatus, Reason, RunStatus
from tocsin_shared.jobs import ExecutionCounts, JobDefinition, JobStatus, LastExecution
from tocsin_shared.pausing import Pause

T = TypeVar("T")


class View(BaseModel):
    """The base: an answer has these keys and no others."""

    model_config = ConfigDict(extra="forbid")


class Page(View, Generic[T]):
    """A stretch of a list."""

    data: list[T]
    #: Matches counted, from the cursor on when there is one.
    total: int
    #: There may be more than `total`: long histories are not counted to their end.
    total_is_capped: bool
    page: int
    per_page: int
    total_pages: int
    #: Send it as `after` to get what follows; null at the end. A page may be shorter than asked for and go on.
    next: str | None

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """`PageOfJobView`."""
        return "PageOf" + "And".join(str(param.__name__) for param in params)


class ErrorDetail(View):
    """One thing wrong with one field."""

    #: As addressed in the request: `schedule.value`.
    field: str
    reason: str


class ErrorView(View):
    """Every answer with a status from 400 on."""

    #: One sentence for people.
    error: str
    #: For programs: `invalid_input`, `not_found`, `name_taken`, ...
    code: str
    details: list[ErrorDetail]
    #: Names the request in the controller's log; the X-Request-Id header says the same.
    request_id: str


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
    notifications: None = None


class JobVersionView(View):
    """A saved change."""

    version: int
    #: The definition as it was.
    snapshot: dict[str, Any]
    changed_by: str | None
    created_at: datetime


class CauseLink(BaseModel):
    """A run that led to another, and how it had come about itself."""

    model_config = ConfigDict(extra="allow")

    type: str
    job_id: UUID
    run_id: UUID


class TriggeredBy(BaseModel):
    """Why there is a run: its schedule, somebody's request, another run, a retry. Who asked stands beside."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(
        examples=["scheduler", "api", "cli", "webhook", "event", "dependency", "replay", "retry"]
    )
    #: The runs that led to this one, newest last; left out when there are none. Of a long chain the newest 32.
    cause: list[CauseLink] | None = None
    #: How many runs led to this one, those no longer in `cause` included; left out when there are none.
    depth: int | None = None


class UsageView(View):
    """What an execution took from its host."""

    cpu_secs: float | None
    peak_memory_bytes: int | None


class ApprovalView(View):
    """Whether a run may go ahead, and who said so. One decision counts for all executions of the run."""

    #: `cancelled`: the run was cancelled before anybody decided.
    status: Literal["pending", "approved", "rejected", "expired", "cancelled"]
    asked_at: datetime
    #: When the run is cancelled unless somebody decides before; null: never.
    expires_at: datetime | None
    #: The name of the key that decided.
    by: str | None
    note: str | None
    decided_at: datetime | None


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

    executions: list[ExecutionSummary]
    #: While the reason is `waiting_for_place`: what it waits for, and who has it.
    waiting_for: list[WaitingFor]


class CancelAnswer(View):
    """What became of a request to end an execution."""

    message: str
    execution_id: UUID
    #: `cancelling` while its agent is being told.
    status: ExecutionStatus | Literal["cancelling"]


class DecisionAnswer(View):
    """What became of an approval or a rejection, which counts for the whole run."""

    message: str
    execution_id: UUID
    run_id: UUID
    #: Every execution that was let go or rejected with this one.
    execution_ids: list[UUID]


class RunCancelAnswer(View):
    """What became of a request to end a run."""

    message: str
    run_id: UUID
    execution_ids: list[UUID]


class StreamTicket(View):
    """Stands in for a key on one execution's stream, once."""

    ticket: str
    expires_at: datetime


class RecentStatus(View):
    """One of a job's latest outcomes."""

    status: ExecutionStatus
    started_at: datetime | None


class AgentView(View):
    """A host that runs jobs."""

    id: UUID
    name: str
    tags: list[str]
    hostname: str
    address: str
    port: int
    #: `standard` is ours, `custom` somebody else's.
    agent_type: str
    status: Literal["online", "offline", "draining"]
    last_heartbeat: datetime
    registered_at: datetime
    #: Names; of a `custom` agent, what people said it can do, with the fields of each.
    task_types: list[Any]
    system_info: dict[str, Any] | None
    #: How many executions it runs at once.
    capacity: int
    version: str | None
    load: dict[str, Any] | None
    #: What waits on its disk to be delivered.
    spool: dict[str, Any] | None


class RunningView(View):
    """An execution that an agent has."""

    execution_id: UUID
    run_id: UUID
    job_id: UUID
    job_name: str | None
    started: bool
    handed_at: datetime


class AgentDetail(AgentView):
    """An agent and what it has right now."""

    running: list[RunningView]


class EventView(View):
    """Something that happened."""

    id: UUID
    kind: str
    severity: Literal["info", "success", "warning", "error"]
    message: str
    job_id: UUID | None
    run_id: UUID | None
    execution_id: UUID | None
    agent_id: UUID | None
    api_key_id: UUID | None
    api_key_name: str | None
    details: str | None
    timestamp: datetime


class KeyView(View):
    """An API key, without the key."""

    id: UUID
    name: str
    role: str
    #: What a key of the role `scoped` is for.
    scopes: list[str]
    key_prefix: str
    active: bool
    created_by: str | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class NewKeyView(View):
    """A key that was just made."""

    key: KeyView
    #: Shown this once.
    raw_key: str


class MeView(View):
    """Whose key was shown."""

    authenticated: Literal[True]
    auth_type: Literal["api_key"]
    name: str
    role: str
    key_id: UUID
    key_prefix: str
    agent_id: UUID | None


class DatabaseHealth(View):
    """Whether the database answers."""

    ok: bool
    size_bytes: int | None = None
    pool_size: int | None = None


class HealthView(View):
    """How the controller is."""

    status: Literal["ok", "degraded"]
    version: str
    db: DatabaseHealth


class StatusView(View):
    """It worked."""

    status: str


class ConfigView(View):
    """What clients may show."""

    demo_mode: bool
    ai_enabled: bool


class FieldChange(View):
    """What a field was and what it is; the same words twice where the values may be secrets."""

    old: Any
    new: Any


class AuditView(View):
    """One change that somebody made. The audit log is only added to."""

    id: UUID
    timestamp: datetime
    actor_key_id: UUID | None
    actor_key_name: str
    #: Where the request came from.
    actor_address: str | None
    operation: str
    resource_type: str
    resource_id: str | None
    details: str | None
    #: By field; null when it was not a change of fields.
    changes: dict[str, FieldChange] | None


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


class Highlight(View):
    """A line, or a part of a long one, in which something was found."""

    stream: Literal["stdout", "stderr"]
    text: str
    #: Start and end of each place in `text`, in characters.
    matches: list[tuple[int, int]]


class SearchHit(View):
    """An execution that printed what was looked for."""

    id: UUID
    job_id: UUID
    job_name: str | None
    run_id: UUID
    agent_name: str | None
    status: ExecutionStatus
    started_at: datetime | None
    finished_at: datetime | None
    #: The first few.
    highlights: list[Highlight]


class SetAsideView(View):
    """Something that was to be done because of something that happened, and failed too often."""

    id: UUID
    #: What it was: `run.moved`, `event`, `rollout`, ...
    kind: str
    #: Which runs, jobs or events it is about.
    payload: dict[str, Any]
    attempts: int
    last_error: str | None
    set_aside_at: datetime


class VacuumView(View):
    """What a vacuum did."""

    status: str
    #: Bytes of the database before and after.
    size_before: int
    size_after: int
    elapsed_ms: int
