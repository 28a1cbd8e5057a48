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
    #: All of stdout, then all of stderr.
    output: str
