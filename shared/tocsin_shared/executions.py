"""The life of a run and of its executions: states, allowed moves and reasons, as data."""

from enum import StrEnum


class ExecutionStatus(StrEnum):
    """Where one attempt on one agent stands."""

    #: Waits for somebody's approval.
    PENDING_APPROVAL = "pending_approval"
    #: Waits for an agent, or was handed to one that has not started it yet.
    PENDING = "pending"
    #: The agent has started it.
    RUNNING = "running"
    #: Ended with exit code 0 (or an expected HTTP status).
    SUCCEEDED = "succeeded"
    #: Ended otherwise, or could not be started.
    FAILED = "failed"
    #: Ended by Tocsin because it took longer than `timeout_secs`.
    TIMED_OUT = "timed_out"
    #: Ended, or never started, because somebody asked for that.
    CANCELLED = "cancelled"
    #: The agent vanished: whether and how it ended is not known.
    LOST = "lost"
    #: Never meant to start; the reason says why.
    SKIPPED = "skipped"

    @property
    def is_final(self) -> bool:
        """Whether the execution has ended (a `lost` one can still be corrected by a late result)."""
        return self in FINAL_STATUSES


S = ExecutionStatus

#: The outcomes that an agent can report.
REPORTABLE_STATUSES = frozenset({S.SUCCEEDED, S.FAILED, S.TIMED_OUT, S.CANCELLED})

FINAL_STATUSES = REPORTABLE_STATUSES | {S.LOST, S.SKIPPED}

#: Guarantee G7: the only moves there are. The SQL guards are tested against this table.
TRANSITIONS: dict[ExecutionStatus, frozenset[ExecutionStatus]] = {
    S.PENDING_APPROVAL: frozenset({S.PENDING, S.CANCELLED, S.SKIPPED}),
    S.PENDING: frozenset({S.RUNNING, S.SUCCEEDED, S.FAILED, S.TIMED_OUT, S.CANCELLED, S.LOST, S.SKIPPED}),
    S.RUNNING: frozenset({S.SUCCEEDED, S.FAILED, S.TIMED_OUT, S.CANCELLED, S.LOST}),
    S.LOST: frozenset({S.SUCCEEDED, S.FAILED, S.TIMED_OUT, S.CANCELLED}),
    S.SUCCEEDED: frozenset(),
    S.FAILED: frozenset(),
    S.TIMED_OUT: frozenset(),
    S.CANCELLED: frozenset(),
    S.SKIPPED: frozenset(),
}


class Reason(StrEnum):
    """Why an execution did not succeed, or a run did not happen: the machine-readable half of the story."""

    #: The process ended with a code other than 0.
    EXIT_CODE = "exit_code"
    #: The process was ended by a signal that Tocsin did not send.
    SIGNAL = "signal"
    #: The process could not be started (no such directory, unknown account, ...).
    SPAWN_FAILED = "spawn_failed"
    #: Took longer than `timeout_secs`.
    TIMEOUT = "timeout"
    #: The HTTP status was not the expected one.
    HTTP_STATUS = "http_status"
    #: The HTTP request could not be completed.
    HTTP_ERROR = "http_error"
    #: The agent does not know this type of task.
    UNSUPPORTED_TASK = "unsupported_task"
    #: No connection to the server that the task speaks to: name, network, certificate, or nobody listens.
    CONNECT_FAILED = "connect_failed"
    #: That server does not take the credentials.
    LOGIN_FAILED = "login_failed"
    #: That server, or the way to it, failed while the task spoke with it, or refused what was asked.
    DRIVER_ERROR = "driver_error"
    #: A message, file or result is larger than what is taken.
    TOO_LARGE = "too_large"
    #: A file on the agent's host could not be read or written.
    FILE_ERROR = "file_error"
    #: A script said that it failed.
    SCRIPT_FAILED = "script_failed"
    #: There is no stored script of this name, or not of this type.
    NO_SCRIPT = "no_script"
    #: The task's connection is gone, of another type, or can't be read.
    BAD_CONNECTION = "bad_connection"
    #: The agent's own policy does not allow it.
    REFUSED_BY_AGENT = "refused_by_agent"
    #: The address may not be called from where the task runs.
    ADDRESS_REFUSED = "address_refused"
    #: Somebody cancelled it.
    CANCELLED = "cancelled"
    #: The job was deleted while this waited.
    JOB_DELETED = "job_deleted"
    #: The agent was told to stop and the grace passed.
    AGENT_STOPPED = "agent_stopped"
    #: The host went down, or what supervised the process died, while this ran; the outcome is not known.
    INTERRUPTED = "interrupted"
    #: The kernel killed it because it took more memory than it was given, or than the host had.
    OOM = "oom"
    #: The agent ended it because it could not reach a controller for so long that the work goes to another.
    SELF_FENCED = "self_fenced"
    #: The agent was not heard of for `lost_after_secs`.
    AGENT_LOST = "agent_lost"
    #: The agent is alive but no longer knows this execution.
    AGENT_FORGOT = "agent_forgot"
    #: It may have run in a part of the database that was lost, and no agent came back with it.
    EPOCH_CHANGED = "epoch_changed"
    #: The agent was removed while this waited or ran.
    AGENT_REMOVED = "agent_removed"
    #: No eligible agent took it within `queue_timeout_secs`.
    NO_AGENT = "no_agent"
    #: A third-party agent reported failure without saying why.
    REPORTED = "reported"
    #: A required parameter was not given, or a value does not fit what the job declares.
    INVALID_PARAMS = "invalid_params"
    #: The task uses a variable or param that has no value, or none any more.
    UNRESOLVED_VARIABLE = "unresolved_variable"
    #: A value can't stand where the task wants it without being more than a value.
    UNSAFE_VALUE = "unsafe_value"
    #: Something broke inside the agent.
    INTERNAL = "internal"
    #: The due instant passed while no controller was running.
    MISSED = "missed"
    #: `max_concurrent` runs of the job were open.
    OVERLAP = "overlap"
    #: It waits until a run that holds its place ends (`overlap`, `concurrency`).
    WAITING_FOR_PLACE = "waiting_for_place"
    #: It waits until an agent that may take it has fewer than `max_per_agent` of its job.
    MAX_PER_AGENT = "max_per_agent"
    #: `max_queued` runs of the job were waiting for a place already.
    QUEUE_FULL = "queue_full"
    #: A newer run of the job replaced it (`overlap: replace`).
    REPLACED = "replaced"
    #: Somebody who was asked for approval said no.
    REJECTED = "rejected"
    #: Nobody approved it within `approval_expires_secs`.
    APPROVAL_EXPIRED = "approval_expired"
    #: It was due in a blackout of one of the job's calendars: it does not happen, or waits for its end.
    BLACKOUT = "blackout"
    #: Events led back to the job too often.
    LOOP = "loop"
    #: It waits a little, as `jitter_secs` says.
    JITTER = "jitter"
    #: Its batch of the rollout has not begun yet.
    ROLLOUT_WAITS = "rollout_waits"
    #: Its host is offline and is waited for.
    HOST_OFFLINE = "host_offline"
    #: Its host was offline, and did not come back in time.
    NOT_REACHED = "not_reached"
    #: The rollout stopped before its batch began.
    ROLLOUT_STOPPED = "rollout_stopped"
    #: Fewer hosts succeeded than the rollout's `quorum`.
    QUORUM = "quorum"
    #: A job that this one waits for has not ended as it should have.
    DEPENDENCY = "dependency"
    #: What it waited for came about, but the job was paused.
    PAUSED = "paused"
    #: It succeeded, but its output lacks what an assertion wants.
    ASSERTION_FAILED = "assertion_failed"
    #: Its output rules could not be applied, so nobody knows whether its assertions hold.
    RULES_FAILED = "rules_failed"


class RunStatus(StrEnum):
    """Where one occurrence of a job stands."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    LOST = "lost"
    SKIPPED = "skipped"

    @property
    def is_final(self) -> bool:
        """Whether every execution of the run has ended."""
        return self not in (RunStatus.PENDING, RunStatus.RUNNING)


class Stream(StrEnum):
    """Which output of a task."""

    STDOUT = "stdout"
    STDERR = "stderr"


#: How streams are numbered where every byte counts (database rows, journal records).
STREAM_NUMBERS: dict[Stream, int] = {Stream.STDOUT: 1, Stream.STDERR: 2}
STREAMS_BY_NUMBER: dict[int, Stream] = {number: stream for stream, number in STREAM_NUMBERS.items()}
