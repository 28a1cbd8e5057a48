"""Questions about jobs that events start."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from tocsin_controller.store.database import Queries, Session
from tocsin_controller.store.statements import sql

_SET = sql("set_event_trigger")
_DROP = sql("drop_event_trigger")
_SOURCES = sql("event_sources")
_JOBS = sql("jobs_for_event")
_COUNT = sql("count_event_runs")
_FORGET = sql("forget_event_chains")
_IN_BLACKOUT = sql("jobs_in_blackout")


@dataclass(frozen=True, slots=True)
class EventSource:
    """An event, and where it comes from."""

    id: UUID
    kind: str
    severity: str
    message: str
    at: datetime
    #: Of the job that it is about, while that exists.
    job_name: str | None
    #: The run that it tells of.
    run_id: UUID | None
    run_job_id: UUID | None
    trigger: dict[str, Any] | None


async def set_event_trigger(session: Session, job_id: UUID, kind_like: str, severity: str | None) -> None:
    """Events of kinds like this start the job."""
    await session.execute(_SET, job_id, kind_like, severity)


async def drop_event_trigger(session: Session, job_id: UUID) -> None:
    """Events start the job no more."""
    await session.execute(_DROP, job_id)


async def event_sources(session: Queries, event_ids: Sequence[UUID]) -> list[EventSource]:
    """These events, oldest first; those that are gone are left out."""
    return [EventSource(**row) for row in await session.fetch(_SOURCES, list(event_ids))]


async def jobs_for_event(
    session: Queries, kind: str, severity: str, after: UUID, limit: int
) -> list[tuple[UUID, int]]:
    """Jobs (with their versions) that it may start, some at a time."""
    return [
        (row["job_id"], row["version"]) for row in await session.fetch(_JOBS, kind, severity, after, limit)
    ]


async def count_event_runs(session: Session, root_id: UUID, runs: int) -> int:
    """Adds runs to those that an event has brought about; how many there are with them."""
    counted: int = await session.fetchval(_COUNT, root_id, runs)
    return counted


async def forget_event_chains(session: Queries) -> None:
    """Chains that are over."""
    await session.execute(_FORGET)


async def jobs_in_blackout(session: Queries, job_ids: Sequence[UUID]) -> set[UUID]:
    """Those of these jobs of which a run waits for the end of a blackout."""
    return {row["job_id"] for row in await session.fetch(_IN_BLACKOUT, list(job_ids))}
