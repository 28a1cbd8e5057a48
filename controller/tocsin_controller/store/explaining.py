"""Questions whose answers explain runs and jobs."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tocsin_controller.store.database import Queries
from tocsin_controller.store.statements import sql

_ATTEMPTS_OF_RUN = sql("attempts_of_run")
_NEWEST_RUN_OF_JOB = sql("newest_run_of_job")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One execution: where it waits, or who has it."""

    id: UUID
    status: str
    reason: str | None
    message: str | None
    attempt_number: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested_at: datetime | None
    agent_id: UUID | None
    agent_name: str | None
    agent_status: str | None
    agent_seen_at: datetime | None
    #: Set while it is in the queue.
    route: str | None
    ready_at: datetime | None
    #: Nobody can take it: it waits for something else than time.
    is_held: bool | None
    expires_at: datetime | None
    is_uncertain: bool
    is_limited: bool
    #: Its result was received, and its job's output rules are still to be applied.
    is_unjudged: bool
    #: Set while an agent has it.
    handed_at: datetime | None


async def attempts_of_run(db: Queries, run_id: UUID, limit: int) -> list[Attempt]:
    """The executions of a run, those that have not ended first."""
    return [Attempt(**row) for row in await db.fetch(_ATTEMPTS_OF_RUN, run_id, limit)]


async def newest_run_of_job(db: Queries, job_id: UUID) -> UUID | None:
    """The newest run of a job."""
    found: UUID | None = await db.fetchval(_NEWEST_RUN_OF_JOB, job_id)
    return found
