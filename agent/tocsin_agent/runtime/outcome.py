"""How one execution ended."""

from dataclasses import dataclass, field

from tocsin_agent.clock import Moment
from tocsin_shared.executions import ExecutionStatus, Reason
from tocsin_shared.protocol import Usage

#: What is said of `oom`.
OUT_OF_MEMORY = "The kernel killed it because it took more memory than it was given, or than the host had."


@dataclass(frozen=True, slots=True)
class OutputFigures:
    """What became of the output."""

    #: Everything that was written, kept or not.
    stdout_bytes: int = 0
    stderr_bytes: int = 0
    #: Whether something between the start and the end was not kept.
    stdout_truncated: bool = False
    stderr_truncated: bool = False
    #: What the disk refused.
    dropped_bytes: int = 0
    #: Length of the spool's file, and the newest sequence number in it.
    spool_bytes: int = 0
    newest_seq: int = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of an execution, as the journal and the controller are told."""

    status: ExecutionStatus
    exit_code: int | None = None
    reason: Reason | None = None
    #: One sentence for people.
    message: str | None = None
    usage: Usage = field(default_factory=Usage)
    #: What follows is known of processes that a keeper watched; else the agent itself knows best.
    output: OutputFigures | None = None
    at: Moment | None = None
    started_at: Moment | None = None

    @classmethod
    def stopped(cls, kind: str, timeout_secs: float | None) -> "Outcome":
        """It was ended, by whom the kind says (see `tasks.base.StopKind`)."""
        match kind:
            case "timeout":
                message = f"Took longer than {timeout_secs or 0:g} s."
                return cls(ExecutionStatus.TIMED_OUT, reason=Reason.TIMEOUT, message=message)
            case "cancel":
                return cls(ExecutionStatus.CANCELLED, reason=Reason.CANCELLED, message="Cancelled.")
            case "self_fence":
                message = "No word from a controller for too long: ended here, so that it can run elsewhere."
                return cls.failed(Reason.SELF_FENCED, message)
            case "host_stopped":
                return cls.failed(Reason.AGENT_STOPPED, "Ended with its keeper, as when the host shuts down.")
            case _:
                return cls.failed(Reason.AGENT_STOPPED, "The agent was stopped while this ran.")

    @classmethod
    def succeeded(cls, exit_code: int | None = 0, usage: Usage | None = None) -> "Outcome":
        """It did what was asked."""
        return cls(ExecutionStatus.SUCCEEDED, exit_code, usage=usage or Usage())

    @classmethod
    def failed(
        cls, reason: Reason, message: str, *, exit_code: int | None = None, usage: Usage | None = None
    ) -> "Outcome":
        """It did not, for this reason."""
        return cls(ExecutionStatus.FAILED, exit_code, reason, message, usage or Usage())
