"""Questions about events: what happened, told to people and to event-driven jobs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from tocsin_controller.store.database import Queries, Record
from tocsin_controller.store.statements import sql
from tocsin_shared.ids import new_id

Severity = Literal["info", "success", "warning", "error"]

_INSERT_EVENTS = sql("insert_events")
_LIST_EVENTS = sql("list_events")
_EVENTS_AFTER = sql("events_after")
_EVENTS_BETWEEN = sql("events_between")
_NEWEST_EVENT = sql("newest_event")


@dataclass(frozen=True, slots=True)
class NewEvent:
    """Something worth telling, to be written in the transaction that made it true."""

    kind: str
    severity: Severity
    #: One sentence; names of jobs and agents in single quotes, where event filters look for them.
    message: str
    job_id: UUID | None = None
    run_id: UUID | None = None
    execution_id: UUID | None = None
    agent_id: UUID | None = None
    api_key_id: UUID | None = None
    api_key_name: str | None = None
    details: str | None = None


@dataclass(frozen=True, slots=True)
class EventPage:
    """A stretch of the history of events, newest first."""

    rows: list[Record]
    #: Matching events, counted up to the cap.
    total: int


async def add_events(conn: Queries, events: Sequence[NewEvent]) -> None:
    """Writes events in the caller's transaction; after it has committed, hint `events`."""
    if not events:
        return
    await conn.execute(
        _INSERT_EVENTS,
        [new_id() for _ in events],
        [e.kind for e in events],
        [e.severity for e in events],
        [e.message for e in events],
        [e.job_id for e in events],
        [e.run_id for e in events],
        [e.execution_id for e in events],
        [e.agent_id for e in events],
        [e.api_key_id for e in events],
        [e.api_key_name for e in events],
        [e.details for e in events],
    )


async def list_events(
    db: Queries, *, since: datetime | None, before: UUID | None, offset: int, limit: int, cap: int
) -> EventPage:
    """Events at or after `since`, newest first, among the newest `cap`."""
    rows = await db.fetch(_LIST_EVENTS, since, before, offset, limit, cap)
    return EventPage([r for r in rows if r["id"] is not None], rows[0]["total"] if rows else 0)


async def events_after(db: Queries, event_id: UUID, limit: int) -> list[Record]:
    """Events with a greater id, oldest first: what a live feed shows next."""
    return await db.fetch(_EVENTS_AFTER, event_id, limit)


async def events_between(db: Queries, after: UUID, before: UUID, limit: int) -> list[Record]:
    """Events with ids between the two, oldest first."""
    return await db.fetch(_EVENTS_BETWEEN, after, before, limit)


async def newest_event_id(db: Queries) -> UUID | None:
    """Where a live feed starts."""
    found: UUID | None = await db.fetchval(_NEWEST_EVENT)
    return found
