"""What was found in output."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from tocsin_shared.executions import ExecutionStatus
from tocsin_shared.views.base import View


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
