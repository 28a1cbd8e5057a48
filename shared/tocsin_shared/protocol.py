"""What agents and controllers say to each other. Durations, never clock times, cross this border (G8)."""

from enum import StrEnum
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from tocsin_shared.connections.given import GivenConnection
from tocsin_shared.executions import ExecutionStatus, Reason, Stream
from tocsin_shared.targets import Tag
from tocsin_shared.task_types import MAX_TASK_TYPES, TaskType, readable_task_types
from tocsin_shared.tasks import Task
from tocsin_shared.tasks.fields import ScriptName
from tocsin_shared.tasks.processes import MAX_SCRIPT_CHARS
from tocsin_shared.wire import AgentModel, Model, Name, Text, storable

#: Grows when an agent must know more than optional keys to take part.
PROTOCOL_VERSION = 1

#: Most executions that one poll hands out.
MAX_SLOTS_PER_POLL = 256
#: Most executions that one agent can have on its hands.
MAX_HELD = 20_000
#: Most events that one upload carries, and their size in bytes of JSON.
MAX_EVENTS_PER_UPLOAD = 1_000
MAX_UPLOAD_BYTES = 8 * 1024 * 1024
#: Raw bytes of output in one event.
MAX_CHUNK_BYTES = 64 * 1024
#: Bytes of all secrets that one execution is given.
MAX_SECRETS_BYTES = 128 * 1024
#: Connections that one agent is asked to try at once.
MAX_TRIALS = 4
#: Long polls are answered within this time even when there is nothing to do.
MAX_POLL_WAIT_SECS = 60.0

#: Ten years, which is more than anything lasts; a clock that was wrong may say otherwise.
LONGEST_SECS = 10.0 * 366 * 86_400

Seconds = Annotated[float, Field(ge=0, le=LONGEST_SECS, allow_inf_nan=False)]
#: A pace: never so fast that it is an endless loop.
Pace = Annotated[float, Field(ge=0.01, le=86_400, allow_inf_nan=False)]
#: As the database stores them.
Fence = Annotated[int, Field(ge=0, lt=2**63)]
Counter = Annotated[int, Field(ge=0, lt=2**31)]
Big = Annotated[int, Field(ge=0, lt=2**63)]


class Held(AgentModel):
    """An execution that the agent has and has not yet seen recorded as ended."""

    execution_id: UUID
    fence: Fence


def _readable_only(value: Any) -> Any:
    """Whole models pass, for those who make a request; of what arrives, what makes sense."""
    if not isinstance(value, list):
        return []
    return [one for one in value if isinstance(one, TaskType)] or readable_task_types(value)


class RegisterRequest(AgentModel):
    """An agent introduces itself, at every start of its process."""

    name: Name
    tags: Annotated[list[Tag], Field(max_length=100)] = []
    hostname: Annotated[Text, Field(max_length=255)] = ""
    address: Annotated[Text, Field(max_length=255)] = ""
    port: Annotated[int, Field(ge=0, le=65_535)] = 0
    #: `custom` for a third-party agent, which only receives custom tasks unless it is targeted by name.
    agent_type: Text = "standard"
    task_types: Annotated[list[Text], Field(max_length=100)] | None = None
    #: What a third-party agent can do, with the fields of each kind of work. May also stand in `task_types`.
    custom_task_types: Annotated[
        list[TaskType], BeforeValidator(_readable_only), Field(max_length=MAX_TASK_TYPES)
    ] = []
    system_info: dict[str, Any] | None = None

    #: Absent for simple agents; all that follows is our own agent's.
    protocol: Counter | None = None
    version: Annotated[Text, Field(max_length=64)] | None = None
    #: A fresh UUID for each start of the agent's process.
    incarnation: UUID | None = None
    #: How many executions it runs at once.
    capacity: Annotated[int, Field(ge=1, le=10_000)] = 1
    #: SHA-256 (hex) of a secret that the agent made and keeps to itself. From now on only that secret
    #: speaks for this agent; the key used for this call no longer does.
    credential_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    #: What the agent's state directory was marked with at its last registration, and what it is to be marked
    #: with from now on. A copy of the directory that presents an older mark is refused (409 `cloned`).
    state_mark: UUID | None = None
    next_state_mark: UUID | None = None

    @model_validator(mode="before")
    @classmethod
    def _sort_task_types(cls, told: Any) -> Any:
        """Third-party agents describe theirs where ours send names."""
        types = told.get("task_types") if isinstance(told, dict) else None
        if not isinstance(types, list) or all(isinstance(one, str) for one in types):
            return told
        described = [one for one in types if isinstance(one, dict)]
        return {
            "custom_task_types": described,
            **told,
            "task_types": [one for one in types if isinstance(one, str)],
        }


class OutputLimits(Model):
    """How much output the controller keeps of one execution."""

    #: Raw bytes per stream; half is kept from the start and half from the end.
    max_bytes_per_stream: Annotated[int, Field(ge=0, le=2**40)] = 10 * 1024 * 1024
    #: Longest time output waits in the agent before it is sent.
    flush_secs: Seconds = 0.2


class RegisterResponse(Model):
    """The server sets the pace."""

    agent_id: UUID
    heartbeat_interval_secs: Pace = 10
    poll_wait_secs: Seconds = 25
    lease_secs: Seconds = 45
    output: OutputLimits = Field(default_factory=OutputLimits)
    #: Grows when the database was restored or failed over with loss. Fences begin with it (see
    #: `epoch_of`); an agent has nothing to do with a controller of an older epoch than it has seen.
    epoch: Annotated[int, Field(ge=0, lt=2**23)] = 0


#: Fences of an epoch start at its number shifted by this: whatever the lost part of the old epoch handed out
#: is lower.
EPOCH_SHIFT = 40


def epoch_of(fence: int) -> int:
    """The epoch in which a fence was handed out."""
    return fence >> EPOCH_SHIFT


class Limits(AgentModel):
    """What one execution may take from its host, where the agent can enforce it (cgroup v2)."""

    #: Bytes of memory; beyond that the execution is ended with reason `oom`.
    memory_max_bytes: Annotated[int, Field(ge=1024 * 1024, le=2**50)] | None = None
    #: Processors, 0.5 is half of one.
    cpu_max: Annotated[float, Field(gt=0, le=10_000, allow_inf_nan=False)] | None = None
    #: Processes and threads at once.
    pids_max: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


class GivenScript(AgentModel):
    """A stored script as it was when the execution was handed out."""

    name: ScriptName
    #: `starlark` or `dockerfile`.
    script_type: Annotated[Text, Field(max_length=32)]
    code: Annotated[Text, Field(max_length=MAX_SCRIPT_CHARS)]
    #: What the run was started with.
    params: dict[str, Any] = {}


class Assignment(AgentModel):
    """One execution handed to an agent, with everything needed to run it."""

    execution_id: UUID
    run_id: UUID
    job_id: UUID
    job_name: Annotated[Text, Field(max_length=255)]
    #: Grows each time the right to run this execution is handed out (G6).
    fence: Fence
    attempt_number: int = 1
    task: Task
    run_as: Annotated[Text, Field(max_length=255)] | None = None
    timeout_secs: Seconds | None = None
    #: Between SIGTERM and SIGKILL.
    kill_grace_secs: Seconds = 10
    #: The due instant (RFC 3339), for the job's information; absent when triggered.
    scheduled_for: Annotated[Text, Field(max_length=64)] | None = None
    lease_secs: Seconds = 45
    #: The agent kills its copy when this long has passed since it sent its last acknowledged poll or heartbeat:
    #: the controller will hand the work to somebody else (`on_lost: retry`). None: never.
    self_fence_secs: Seconds | None = None
    limits: Limits | None = None
    #: The stored connection that the task names, with its secrets.
    connection: GivenConnection | None = None
    #: The stored script that the task names.
    script: GivenScript | None = None
    #: Secrets in all of that. They are taken out of output and messages before these leave the host, and never stored.
    redact: Annotated[list[str], Field(max_length=1_000, repr=False)] = []


class CancelOrder(AgentModel):
    """Somebody wants this execution ended. The agent ends it and reports how it ended (G9)."""

    execution_id: UUID
    fence: Fence
    grace_secs: Seconds = 10


class StopOrder(AgentModel):
    """The agent no longer holds the right to this execution: kill it and forget it (G6)."""

    execution_id: UUID
    fence: Fence
    why: str = ""


def _storable(value: Any) -> Any:
    """A result must not be refused for a character that the database can't hold."""
    return storable(value) if isinstance(value, str) else value


class TrialOrder(AgentModel):
    """Somebody wants to know whether this connection works from the agent's host."""

    trial_id: UUID
    connection: GivenConnection
    #: What the server has to connect, log in and answer.
    timeout_secs: Annotated[float, Field(gt=0, le=60)] = 10


class TrialResult(AgentModel):
    """What came of trying it."""

    trial_id: UUID
    success: bool
    #: One sentence for people, without secrets.
    message: Annotated[str, BeforeValidator(_storable), Field(max_length=4000)]


_Order = TypeVar("_Order")
Orders = Annotated[list[_Order], Field(max_length=MAX_HELD, fail_fast=True)]


class PollRequest(AgentModel):
    """A long poll. `seq` grows by one with every poll of an incarnation, so a lost answer is noticed (G2)."""

    incarnation: UUID
    seq: Annotated[int, Field(ge=1, lt=2**63)]
    wait_secs: Annotated[float, Field(ge=0, le=MAX_POLL_WAIT_SECS)] = 25
    #: How many more executions the agent can start now. With 0 it only waits for orders.
    slots: Annotated[int, Field(ge=0, le=MAX_SLOTS_PER_POLL)]
    running: Annotated[list[Held], Field(max_length=MAX_HELD)] = []


class PollResponse(AgentModel):
    """Work and orders; all empty when the wait passed."""

    #: How long the poll had waited when this work was taken for it; since then it is on its way.
    held_secs: Seconds | None = None
    executions: Annotated[list[Assignment], Field(max_length=MAX_SLOTS_PER_POLL, fail_fast=True)] = []
    cancel: Orders[CancelOrder] = []
    stop: Orders[StopOrder] = []
    trials: Annotated[list[TrialOrder], Field(max_length=MAX_TRIALS)] = []


class HeartbeatRequest(AgentModel):
    """Liveness on a timer of its own, so that a parked poll does not have to prove it."""

    incarnation: UUID | None = None
    #: None when the sender does not say what it runs (simple agents).
    running: Annotated[list[Held], Field(max_length=MAX_HELD)] | None = None
    #: True once the agent takes no more work.
    draining: bool = False
    load: dict[str, float] = {}
    #: Records and bytes that wait on the agent's disk to be delivered.
    spool: dict[str, float] = {}
    #: What came of trials; told again until a heartbeat with it was answered.
    tried: Annotated[list[TrialResult], Field(max_length=MAX_TRIALS)] = []


class HeartbeatResponse(AgentModel):
    """Orders travel with heartbeats too, in case the poll that should carry them is lost."""

    status: Literal["ok"] = "ok"
    cancel: Orders[CancelOrder] = []
    stop: Orders[StopOrder] = []


class StartedEvent(AgentModel):
    """The process was started."""

    type: Literal["started"]
    execution_id: UUID
    fence: Fence
    #: Position of this event among those of its execution, from 1.
    seq: Counter
    #: How long ago it happened when the upload was sent.
    age_secs: Seconds = 0


class OutputEvent(AgentModel):
    """Bytes that the task wrote: text in `data`, or base64 in `data_base64` when they are not UTF-8."""

    type: Literal["output"]
    execution_id: UUID
    fence: Fence
    seq: Counter
    stream: Stream
    #: Where in the stream the bytes stand. A jump over bytes never sent marks a gap.
    offset: Big
    data: str = ""
    data_base64: str | None = None


class Usage(AgentModel):
    """What the execution took from its host."""

    cpu_secs: float | None = None
    peak_memory_bytes: Big | None = None


class ResultEvent(AgentModel):
    """The end. `started` need not be sent separately when the result is ready before it was."""

    type: Literal["result"]
    execution_id: UUID
    fence: Fence
    seq: Counter
    status: ExecutionStatus
    exit_code: Annotated[int, Field(ge=-(2**31), lt=2**31)] | None = None
    reason: Reason | None = None
    #: One sentence for people.
    message: Annotated[str, BeforeValidator(_storable), Field(max_length=4000)] | None = None
    #: How long ago it started, or None when nothing was started.
    started_age_secs: Seconds | None = None
    age_secs: Seconds = 0
    #: Whole length of each stream, including what was not kept.
    stdout_bytes: Big = 0
    stderr_bytes: Big = 0
    stdout_truncated: bool = False
    stderr_truncated: bool = False
    usage: Usage = Field(default_factory=Usage)


AgentEvent = Annotated[StartedEvent | OutputEvent | ResultEvent, Field(discriminator="type")]


class EventsRequest(AgentModel):
    """A piece of the agent's journal, in order."""

    incarnation: UUID | None = None
    events: Annotated[list[AgentEvent], Field(max_length=MAX_EVENTS_PER_UPLOAD)]


class Receipt(StrEnum):
    """What became of one uploaded event. The agent forgets the event whichever it is."""

    RECORDED = "recorded"
    #: Known already; no further effect (G5).
    DUPLICATE = "duplicate"
    #: The right to run was handed out again, or withdrawn; the agent stops that process (G6).
    STALE = "stale"
    #: No such execution for this agent.
    UNKNOWN = "unknown"


class EventReceipt(AgentModel):
    """Names one event and what became of it."""

    execution_id: UUID
    seq: int
    receipt: Receipt


class EventsResponse(AgentModel):
    """One receipt per event, in the order of the request."""

    receipts: Annotated[list[EventReceipt], Field(max_length=MAX_EVENTS_PER_UPLOAD, fail_fast=True)]


def _spoken_status(value: Any) -> Any:
    """Accepts `timed out`, `Timed Out`, `success` and the like from simple agents."""
    if not isinstance(value, str):
        return value
    word = value.strip().lower().replace(" ", "_").replace("-", "_")
    return {
        "success": "succeeded",
        "ok": "succeeded",
        "timeout": "timed_out",
        "timedout": "timed_out",
        "error": "failed",
        "failure": "failed",
        "canceled": "cancelled",
    }.get(word, word)


def _blank_is_none(value: Any) -> Any:
    return None if value == "" else value


def _reportable(value: ExecutionStatus) -> ExecutionStatus:
    if not value.is_final or value in (ExecutionStatus.LOST, ExecutionStatus.SKIPPED):
        raise ValueError("must be one of succeeded, failed, timed_out, cancelled")
    return value


class SimpleResult(AgentModel):
    """The one call with which a simple agent reports the end of an execution."""

    execution_id: UUID
    job_id: Annotated[UUID | None, BeforeValidator(_blank_is_none)] = None
    agent_id: Annotated[UUID | None, BeforeValidator(_blank_is_none)] = None
    status: Annotated[ExecutionStatus, BeforeValidator(_spoken_status), AfterValidator(_reportable)]
    exit_code: Annotated[int, Field(ge=-(2**31), lt=2**31)] | None = None
    stdout: str = ""
    stderr: str = ""
    stdout_truncated: bool = False
    stderr_truncated: bool = False
    started_at: str | None = None
    finished_at: str | None = None


class SimpleItem(Model):
    """What a simple agent gets from its queue: the documented Kronforce keys, then ours."""

    queue_id: str
    execution_id: str
    job_id: str
    agent_id: str
    task: dict[str, Any]
    run_as: str | None
    timeout_secs: int | None
    callback_url: str
    fence: int
    job_name: str
    attempt_number: int
