"""How one execution ended, before anything is said about when."""

from dataclasses import dataclass, field

from tocsin_shared.executions import ExecutionStatus, Reason
from tocsin_shared.protocol import Usage


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of an execution, as the journal and the controller are told."""

    status: ExecutionStatus
    exit_code: int | None = None
    reason: Reason | None = None
    #: One sentence for people.
    message: str | None = None
    usage: Usage = field(default_factory=Usage)

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
