"""What sinks are handed."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Printed:
    """A result with what it printed."""

    job_name: str
    execution_id: str
    run_id: str
    agent_name: str | None
    status: str
    exit_code: int | None
    attempt: int
    started_at: datetime | None
    finished_at: datetime
    #: All of stdout, then all of stderr, as it was printed.
    raw: bytes

    @property
    def output(self) -> str:
        """As text."""
        return self.raw.decode("utf-8", "replace")

    @property
    def is_text(self) -> bool:
        """Whether nothing of it is lost in `output`."""
        try:
            self.raw.decode()
        except UnicodeDecodeError:
            return False
        return True
