"""Whether what a job waits for has happened."""

from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from hashlib import blake2b
from uuid import UUID

from tocsin_controller.store.database import Queries
from tocsin_controller.store.dependencies import Awaited, dependency_states
from tocsin_shared.dependencies import is_met
from tocsin_shared.executions import RunStatus


def why_not(awaited: Awaited) -> str | None:
    """Why the dependency is not satisfied; None when it is."""
    name = f"'{awaited.job_name}'" if awaited.job_name else f"job {awaited.job_id}"
    if awaited.status is None:
        return f"{name} has not run"
    if not awaited.status.is_final or awaited.finished_at is None:
        return f"{name} is {awaited.status.value}"
    if not is_met(awaited.condition, awaited.status):
        return f"{name} {_ended(awaited.status)}, which is not {awaited.condition.value}"
    if awaited.within_secs is not None:
        age = awaited.now - awaited.finished_at
        if age > timedelta(seconds=awaited.within_secs):
            return f"{name} ended {int(age.total_seconds())} s ago, longer than within_secs={awaited.within_secs}"
    return None


def missing(awaited: Iterable[Awaited], *, most: int = 5) -> str | None:
    """What a job still waits for, in one sentence; None when nothing is missing."""
    reasons = [why for one in awaited if (why := why_not(one)) is not None]
    if not reasons:
        return None
    more = f" and {len(reasons) - most} more" if len(reasons) > most else ""
    return "; ".join(reasons[:most]) + more


async def missing_dependencies(session: Queries, job_ids: Collection[UUID]) -> dict[UUID, str]:
    """What these jobs still wait for right now, in a sentence each; those that wait for nothing are left out."""
    if not job_ids:
        return {}
    states = await dependency_states(session, job_ids)
    return {job_id: why for job_id, awaited in states.items() if (why := missing(awaited)) is not None}


def cause_of(run_ids: Sequence[UUID]) -> UUID:
    """The name of a completed set: the same for the same runs of the awaited jobs, whoever looks and when.

    A job starts once for each, which is what makes fan-in exact however many parents end at the same instant.
    """
    digest = blake2b(digest_size=16)
    for run_id in sorted(run_ids):
        digest.update(run_id.bytes)
    return UUID(bytes=digest.digest())


def _ended(status: RunStatus) -> str:
    return {
        RunStatus.TIMED_OUT: "timed out",
        RunStatus.CANCELLED: "was cancelled",
        RunStatus.LOST: "was lost",
        RunStatus.SKIPPED: "was skipped",
    }.get(status, status.value)
