"""Questions about what jobs wait for."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tocsin_controller.store.database import Queries, Record, Session
from tocsin_controller.store.statements import sql
from tocsin_shared.dependencies import Condition, Dependency
from tocsin_shared.executions import RunStatus

_SET = sql("set_dependencies")
_LOCK = sql("lock_dependencies")
_JOBS_NAMED = sql("jobs_named")
_ABOVE = sql("dependencies_above")
_DEPENDENTS = sql("dependents_of_job")
_STATES = sql("dependency_states")


@dataclass(frozen=True, slots=True)
class NamedEdge:
    """One job waits for another."""

    parent_id: UUID
    job_id: UUID
    parent_name: str | None
    job_name: str | None


@dataclass(frozen=True, slots=True)
class Awaited:
    """One dependency of a job, and the run of the other job that counts for it."""

    job_id: UUID
    job_name: str | None
    condition: Condition
    within_secs: int | None
    #: None: it never ran, or, inside a pipeline run, not yet.
    run_id: UUID | None
    status: RunStatus | None
    finished_at: datetime | None
    #: Database time when this was read.
    now: datetime


async def lock_dependencies(session: Session) -> None:
    """Nobody else writes dependencies, or deletes a job, until the transaction ends."""
    await session.execute(_LOCK)


async def set_dependencies(session: Session, job_id: UUID, depends_on: Sequence[Dependency]) -> None:
    """A job waits for these and no others; all are named by id. The caller holds `lock_dependencies`."""
    await session.execute(
        _SET,
        job_id,
        [d.job_id for d in depends_on],
        [d.within_secs for d in depends_on],
        [d.condition.value for d in depends_on],
    )


async def jobs_named(session: Queries, refs: Collection[UUID | str]) -> dict[UUID | str, UUID]:
    """The jobs behind these ids and names; those that don't exist are left out."""
    ids = [ref for ref in refs if isinstance(ref, UUID)]
    names = [ref for ref in refs if isinstance(ref, str)]
    found: dict[UUID | str, UUID] = {}
    for row in await session.fetch(_JOBS_NAMED, ids, names):
        found[row["id"]] = found[row["name"]] = row["id"]
    return found


async def dependencies_above(session: Queries, job_ids: Collection[UUID]) -> list[NamedEdge]:
    """Everything that these jobs wait for, however indirectly."""
    return [NamedEdge(**row) for row in await session.fetch(_ABOVE, list(job_ids))]


async def dependents_of(session: Queries, job_id: UUID, most: int) -> list[str]:
    """Names of jobs that wait for this one, so many at most."""
    return [row["name"] for row in await session.fetch(_DEPENDENTS, job_id, most)]


async def dependency_states(session: Queries, job_ids: Collection[UUID]) -> dict[UUID, list[Awaited]]:
    """What each of these jobs waits for, by name, and how that last ended. Jobs that wait for nothing are left out."""
    found: dict[UUID, list[Awaited]] = {}
    for row in await session.fetch(_STATES, list(job_ids)):
        found.setdefault(row["waiting_id"], []).append(awaited(row))
    return found


def awaited(row: Record) -> Awaited:
    """Parses a row."""
    return Awaited(
        job_id=row["job_id"],
        job_name=row["job_name"],
        condition=Condition(row["condition"]),
        within_secs=row["within_secs"],
        run_id=row["run_id"],
        status=RunStatus(row["status"]) if row["status"] is not None else None,
        finished_at=row["finished_at"],
        now=row["now"],
    )
