"""Jobs as people write and read them."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from tocsin_shared.alerts import Alerts, TimeOfDay
from tocsin_shared.calendars import CalendarNames
from tocsin_shared.dependencies import MOST_DEPENDENCIES, Dependency
from tocsin_shared.gates import Concurrency, Overlap
from tocsin_shared.notifications import Notifications
from tocsin_shared.output_rules import OutputRules
from tocsin_shared.parameters import Parameters
from tocsin_shared.rollouts import Rollout
from tocsin_shared.schedules import Catchup, Dst, Schedule
from tocsin_shared.targets import Target
from tocsin_shared.tasks import DockerBuildTask, Task, UserName
from tocsin_shared.wire import Instant, Name, Text, UserModel, dumps

DEFAULT_GROUP = "Default"


class JobStatus(StrEnum):
    """Whether the schedule acts. Triggering by hand always works."""

    SCHEDULED = "scheduled"
    PAUSED = "paused"
    #: The schedule has nothing more to fire (a one_shot that fired, a window that closed).
    UNSCHEDULED = "unscheduled"


class OnLost(StrEnum):
    """What happens when nobody knows whether an execution ended, or how."""

    #: It stays `lost` until its agent comes back and says; it is not run again by itself (at most once).
    FAIL = "fail"
    #: It is run again: the job may run twice without harm. An agent that can't reach a controller for so long kills
    #: its copy first.
    RETRY = "retry"


def _known_status(value: Any) -> Any:
    """Accepts the words other systems use for the same."""
    return {
        "enabled": "scheduled",
        "active": "scheduled",
        "disabled": "paused",
        "completed": "unscheduled",
    }.get(value, value)


AnyJobStatus = Annotated[JobStatus, BeforeValidator(_known_status)]


def _group_or_default(value: Any) -> Any:
    return (value.strip() or DEFAULT_GROUP) if isinstance(value, str) else value


GroupName = Annotated[
    Text,
    BeforeValidator(_group_or_default),
    StringConstraints(min_length=1, max_length=50, pattern=r"^[\w][\w \-]*$"),
]


def _finite(value: float) -> float:
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError("must be a finite number")
    return value


def _none_is_empty(value: Any) -> Any:
    return [] if value is None else value


def _small(value: dict[str, Any]) -> dict[str, Any]:
    if len(dumps(value)) > MAX_COMPAT_BYTES:
        raise ValueError(f"is larger than {MAX_COMPAT_BYTES} bytes")
    return value


#: As JSON.
MAX_COMPAT_BYTES = 100_000
Compat = Annotated[dict[Literal["dkron", "chronos", "krafter"], dict[str, Any]], AfterValidator(_small)]


class JobLimits(UserModel):
    """What one execution may take from its host. An agent that can't enforce one of these does not start it."""

    #: Bytes of memory; beyond that all of it is killed, with reason `oom`.
    memory_max_bytes: Annotated[int, Field(ge=1024 * 1024, le=2**50)] | None = None
    #: Processors; 0.5 is half of one.
    cpu_max: Annotated[float, Field(ge=0.01, le=10_000), AfterValidator(_finite)] | None = None
    #: Processes and threads at once.
    pids_max: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


class JobDefinition(UserModel):
    """Everything about a job that people decide. Each saved change is a numbered version of this."""

    name: Name
    description: Annotated[Text, Field(max_length=10_000)] | None = None
    group: GroupName = DEFAULT_GROUP
    #: Who keeps this job as code. `tocsin apply --prune` deletes only among the jobs of one keeper, or of one group.
    managed_by: Name | None = None
    task: Task
    #: Run shell tasks as this account; None means the agent's own.
    run_as: UserName | None = None
    schedule: Schedule
    #: IANA name; None means UTC.
    timezone: Annotated[Text, Field(max_length=64)] | None = None
    dst: Dst = Dst.ONCE
    catchup: Catchup = Catchup.LATEST
    #: Missed instants older than this are never caught up.
    catchup_window_secs: Annotated[int, Field(ge=10, le=31 * 86_400)] = 600
    starts_at: Instant | None = None
    expires_at: Instant | None = None
    #: Named calendars in whose windows, and on whose days off, the schedule does not act.
    blackouts: CalendarNames = []
    #: Runs of the schedule start up to so much after their due instant, always equally late for the same instant.
    jitter_secs: Annotated[int, Field(ge=0, le=86_400)] = 0
    #: None means on a controller.
    target: Target | None = None
    #: For targets that mean every host: in which batches they come, and what counts as success.
    rollout: Rollout | None = None
    #: Jobs that must have ended before this one runs; it is started once they all have.
    depends_on: Annotated[
        list[Dependency], BeforeValidator(_none_is_empty), Field(max_length=MOST_DEPENDENCIES)
    ] = []
    timeout_secs: Annotated[int, Field(ge=1, le=31 * 86_400)] | None = None
    #: Between SIGTERM and SIGKILL when an execution is cancelled or times out.
    kill_grace_secs: Annotated[int, Field(ge=0, le=3600)] = 10
    #: How long an execution waits for an eligible agent before it fails with reason `no_agent`.
    queue_timeout_secs: Annotated[int, Field(ge=1, le=31 * 86_400)] = 300
    #: How long an agent may be silent before its executions count as lost; never sooner than its lease ends.
    lost_after_secs: Annotated[int, Field(ge=10, le=7 * 86_400)] = 300
    #: What happens to executions that were lost or interrupted: `fail` leaves them, `retry` runs them again.
    on_lost: OnLost = OnLost.FAIL
    #: Further attempts after lost ones, with `on_lost: retry`. They do not count for `retry_max`, nor the reverse.
    on_lost_max: Annotated[int, Field(ge=1, le=100)] = 3
    #: What a shell task may take from its host.
    limits: JobLimits | None = None
    #: Further attempts after a failed or timed-out one.
    retry_max: Annotated[int, Field(ge=0, le=100)] = 0
    retry_delay_secs: Annotated[int, Field(ge=0, le=86_400)] = 0
    #: Each wait is the one before times this.
    retry_backoff: Annotated[float, Field(ge=1, le=100), AfterValidator(_finite)] = 1.0
    #: No wait is longer.
    retry_delay_max_secs: Annotated[int, Field(ge=1, le=86_400)] = 3600
    #: Among waiting executions the highest goes first.
    priority: Annotated[int, Field(ge=-1000, le=1000)] = 0
    #: How many runs may be open at once, whatever started them; 0 means no limit. `overlap` says what becomes of more.
    max_concurrent: Annotated[int, Field(ge=0, le=10_000)] = 0
    #: At the limit of `max_concurrent` a new run is skipped, waits, or replaces the oldest.
    overlap: Overlap = Overlap.SKIP
    #: So many runs may wait for a place (`overlap`, `concurrency`); more are skipped with reason `queue_full`.
    max_queued: Annotated[int, Field(ge=1, le=10_000)] = 100
    #: So many executions of the job may be on one agent at once; the rest wait, or go to others that may take them.
    max_per_agent: Annotated[int, Field(ge=1, le=10_000)] | None = None
    #: A key shared with other jobs; runs wait until enough of those that hold it have ended.
    concurrency: Concurrency | None = None
    #: Local time of day, `HH:MM` in `timezone`, by which each day's run has to have succeeded.
    sla_deadline: TimeOfDay = None
    #: So many minutes before the deadline the event `sla.warning` tells that this is not so yet; 0: no warning.
    sla_warning_mins: Annotated[int, Field(ge=0, le=1_439)] = 0
    #: What else is worth an event.
    alerts: Alerts | None = None
    #: Every run waits in `pending_approval` until somebody approves it, whatever started it.
    approval_required: bool = False
    #: A run that nobody approves within this time is cancelled; None means that it waits for ever.
    approval_expires_secs: Annotated[int, Field(ge=1, le=366 * 86_400)] | None = None
    #: What may be said when the job is triggered; without it any params are taken.
    parameters: Parameters = None

    #: What is made of the output of every result.
    output_rules: OutputRules | None = None
    #: What of the job is told by mail, text message or webhook, and to whom; null: as the fleet's settings say.
    notifications: Notifications | None = None
    #: What other schedulers' APIs keep of the job besides: by `dkron`, `chronos` or `krafter`.
    compat: Compat | None = None

    @model_validator(mode="after")
    def _limits_can_be_kept(self) -> Self:
        """A limit is never ignored: tasks without a process of their own can't have one."""
        if self.limits is not None and not _has_a_process(self.task):
            raise ValueError(
                f"limits are for what has a process of its own, which this {self.task.type} task has not"
            )
        return self


def _has_a_process(task: Task) -> bool:
    """A command, a script, or a container; building an image is the engine's work."""
    return task.type in ("shell", "script") or (isinstance(task, DockerBuildTask) and task.run_after_build)


#: What a job carries besides its definition. Clients may send these back unchanged; they are ignored.
READ_ONLY_KEYS = frozenset(
    {
        "id", "version", "created_at", "updated_at", "created_by", "next_fire_time", "last_execution",
        "execution_counts", "deps_satisfied", "deps_status", "webhook_url", "webhook_token", "quarantined_reason",
        "pause",
    }
)  # fmt: skip


def _drop_foreign(value: Any) -> Any:
    """Lets a job that was read be sent back: read-only keys go."""
    if not isinstance(value, dict):
        return value
    return {k: v for k, v in value.items() if k not in READ_ONLY_KEYS}


class JobCreate(JobDefinition):
    """A new job."""

    status: AnyJobStatus = JobStatus.SCHEDULED

    _foreign = model_validator(mode="before")(_drop_foreign)


class JobUpdate(UserModel):
    """Any subset of a definition; null clears what may be absent. The merged whole is checked again."""

    name: Name | None = None
    description: Text | None = None
    group: GroupName | None = None
    managed_by: Name | None = None
    task: Task | None = None
    run_as: UserName | None = None
    schedule: Schedule | None = None
    timezone: Text | None = None
    dst: Dst | None = None
    catchup: Catchup | None = None
    catchup_window_secs: int | None = None
    starts_at: Instant | None = None
    expires_at: Instant | None = None
    blackouts: CalendarNames | None = None
    jitter_secs: int | None = None
    target: Target | None = None
    rollout: Rollout | None = None
    depends_on: list[Dependency] | None = None
    timeout_secs: int | None = None
    kill_grace_secs: int | None = None
    limits: JobLimits | None = None
    queue_timeout_secs: int | None = None
    lost_after_secs: int | None = None
    on_lost: OnLost | None = None
    on_lost_max: int | None = None
    retry_max: int | None = None
    retry_delay_secs: int | None = None
    retry_backoff: float | None = None
    retry_delay_max_secs: int | None = None
    priority: int | None = None
    max_concurrent: int | None = None
    overlap: Overlap | None = None
    max_queued: int | None = None
    concurrency: Concurrency | None = None
    max_per_agent: int | None = None
    sla_deadline: TimeOfDay = None
    sla_warning_mins: int | None = None
    alerts: Alerts | None = None
    approval_required: bool | None = None
    approval_expires_secs: int | None = None
    parameters: Parameters = None
    output_rules: OutputRules | None = None
    notifications: Notifications | None = None
    compat: Compat | None = None
    status: AnyJobStatus | None = None
    #: Refuse (409) when the job was changed after this instant.
    if_unmodified_since: Instant | None = None

    #: Fields whose absence means something; for the others null is the same as not sending them.
    clearable: ClassVar[frozenset[str]] = frozenset(
        name
        for name, field in JobDefinition.model_fields.items()
        if field.default is None and not field.is_required()
    )

    _foreign = model_validator(mode="before")(_drop_foreign)

    def merged_over(self, stored: JobDefinition | dict[str, Any]) -> JobDefinition:
        """The definition that results. Raises pydantic's ValidationError when it does not hold together.

        Of a stored one that can't be read, given as a dict, the keys that are known are taken over.
        """
        if isinstance(stored, dict):
            before = {k: v for k, v in stored.items() if k in JobDefinition.model_fields}
        else:
            before = stored.model_dump(mode="json")
        sent = self.model_dump(mode="json", exclude_unset=True)
        changes = {k: v for k, v in sent.items() if v is not None or k in self.clearable}
        for key in ("status", "if_unmodified_since"):
            changes.pop(key, None)
        return JobDefinition.model_validate({**before, **changes})


class TriggerRequest(UserModel):
    """Runs a job now. The body may be absent."""

    #: Values for the job's parameters; recorded on the run.
    params: dict[str, Any] | None = None


class TriggerResponse(UserModel):
    """What was started."""

    message: str
    job_id: UUID
    run_id: UUID
    execution_ids: list[UUID]


class LastExecution(UserModel):
    id: UUID
    status: str
    exit_code: int | None
    finished_at: datetime | None


class ExecutionCounts(UserModel):
    total: int
    succeeded: int
    #: Failed and timed out.
    failed: int
