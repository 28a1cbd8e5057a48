"""Questions about the audit log: who changed what. The database refuses to change what is in it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from tocsin_controller.store.database import Queries, Record, Session
from tocsin_controller.store.jobs import like_pattern
from tocsin_controller.store.statements import sql
from tocsin_shared.ids import new_id

_INSERT_AUDIT = sql("insert_audit")
_LIST_AUDIT = sql("list_audit")
_FORGET_AUDIT = sql("forget_audit")


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One change, to be written in the transaction that made it."""

    actor_key_id: UUID | None
    actor_key_name: str
    #: Where the request came from.
    actor_address: str | None
    #: As events are named: `job.updated`.
    operation: str
    #: `job`, `key`, `agent`, `setting`, ...
    resource_type: str
    resource_id: str | None
    #: One sentence.
    details: str | None
    #: `{"field": {"old": ..., "new": ...}}`
    changes: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class AuditPage:
    """A stretch of the audit log, newest first."""

    rows: list[Record]
    #: Matching rows among those looked at.
    total: int
    #: Older rows than this one were not looked at; None when all were.
    looked_back_to: UUID | None


async def insert_audit(session: Session, row: AuditRow) -> None:
    """Adds a row. Callers use `security.auditing.add_audit`, which knows the actor."""
    await session.execute(
        _INSERT_AUDIT,
        new_id(),
        row.actor_key_id,
        row.actor_key_name,
        row.actor_address,
        row.operation,
        row.resource_type,
        row.resource_id,
        row.details,
        row.changes,
    )


async def list_audit(
    db: Queries,
    *,
    operation: str | None,
    actor: str | None,
    since: datetime | None,
    before: UUID | None,
    offset: int,
    limit: int,
    window: int,
) -> AuditPage:
    """Rows of the newest `window`: of one operation, by actors with this in their name, since then."""
    pattern = like_pattern(actor) if actor is not None else None
    rows = await db.fetch(_LIST_AUDIT, operation, pattern, since, before, offset, limit, window)
    return AuditPage([r for r in rows if r["id"] is not None], rows[0]["total"], rows[0]["looked_back_to"])


async def forget_audit(session: Session, kept_since: datetime, most: int) -> int:
    """Removes at most so many of the rows from before; how many. What is younger than a day always stays."""
    gone: int = await session.fetchval(_FORGET_AUDIT, kept_since, most)
    return gone
