"""Questions about runs that wait for approval. Whoever takes the row in `approvals` decides, and nobody else."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from tocsin_controller.store.database import Record, Session
from tocsin_controller.store.launching import PlannedRun
from tocsin_controller.store.leasing import Lane, NewWork, Work
from tocsin_controller.store.statements import sql
from tocsin_shared.jobs import JobDefinition

_ASK = sql("ask_approval")
_TAKE = sql("take_approval")
_EXPIRED = sql("expired_approvals")
_PUT_OFF = sql("put_off_approval")
_UNAPPROVED = sql("unapproved_executions")
_LOCK_UNAPPROVED = sql("lock_unapproved")
_UNAPPROVED_OF_JOB = sql("unapproved_of_job")
_DROP_MOOT = sql("drop_moot_approvals")
_NOTE_DECISION = sql("note_decision")
_QUEUE_APPROVED = sql("queue_approved")
_NOTE_PUT_OFF = sql("note_put_off")


class Unapproved(NamedTuple):
    """An execution that waits for approval."""

    work: Work
    #: Set when only this agent can take it.
    agent_id: UUID | None


class AskedRun(NamedTuple):
    """A run about which its holder decides."""

    run_id: UUID
    job_id: UUID
    job_version: int


async def ask_approval(session: Session, asked: Sequence[tuple[PlannedRun, JobDefinition]]) -> None:
    """These runs wait for approval."""
    await session.execute(
        _ASK,
        [run.id for run, _ in asked],
        [run.job_id for run, _ in asked],
        [run.job_version for run, _ in asked],
        [None if (secs := job.approval_expires_secs) is None else float(secs) for _, job in asked],
    )


async def take_approval(session: Session, run_id: UUID) -> AskedRun | None:
    """The right to decide about this run, to be used in the same transaction; None when somebody had it before."""
    row = await session.fetchrow(_TAKE, run_id)
    return None if row is None else AskedRun(run_id, row["job_id"], row["job_version"])


async def expired_approvals(session: Session) -> list[AskedRun]:
    """Runs that nobody approved in time, some of them if there are many; nobody else decides about them meanwhile."""
    return [AskedRun(*row) for row in await session.fetch(_EXPIRED)]


async def put_off_approval(session: Session, run_id: UUID, secs: float) -> None:
    """It is looked again after so long whether somebody has approved this run."""
    await session.execute(_PUT_OFF, run_id, secs)


async def unapproved_executions(session: Session, run_id: UUID) -> list[Unapproved]:
    """What of a run waits for approval."""
    return [Unapproved(_work(row), row["agent_id"]) for row in await session.fetch(_UNAPPROVED, run_id)]


async def lock_unapproved(session: Session, execution_ids: Sequence[UUID]) -> list[Work]:
    """Those of these that wait for approval; until the transaction ends nobody decides about them."""
    return [_work(row) for row in await session.fetch(_LOCK_UNAPPROVED, list(execution_ids))]


async def lock_unapproved_of_job(session: Session, job_id: UUID) -> list[Work]:
    """The same for everything of a job."""
    return [_work(row) for row in await session.fetch(_UNAPPROVED_OF_JOB, job_id)]


async def drop_moot_approvals(session: Session, run_ids: Sequence[UUID]) -> None:
    """Ask no longer about those of these runs of which nothing waits any more."""
    if run_ids:
        await session.execute(_DROP_MOOT, list(run_ids))


async def note_decision(
    session: Session, run_id: UUID, status: str, *, by: str | None = None, note: str | None = None
) -> None:
    """Keep with the run what was decided, by whom and why."""
    await session.execute(_NOTE_DECISION, run_id, status, by, note)


async def note_put_off(session: Session, run_id: UUID, message: str) -> None:
    """The run waits for the end of a blackout."""
    await session.execute(_NOTE_PUT_OFF, run_id, message)


async def queue_approved(
    session: Session,
    routes: Sequence[tuple[UUID, str]],
    *,
    priority: int,
    queue_timeout_secs: float,
    is_held: bool = False,
    not_before: datetime | None = None,
) -> dict[Lane, NewWork]:
    """Approved executions wait for an agent, each by its route; with `is_held` for a place first."""
    rows = await session.fetch(
        _QUEUE_APPROVED,
        [execution_id for execution_id, _ in routes],
        [route for _, route in routes],
        priority,
        float(queue_timeout_secs),
        is_held,
        not_before,
    )
    return {Lane(row["route"], row["priority"]): NewWork(row["first"], row["count"]) for row in rows}


def _work(row: Record) -> Work:
    return Work(row["execution_id"], row["run_id"], row["job_id"], row["job_version"], row["attempt_number"])
