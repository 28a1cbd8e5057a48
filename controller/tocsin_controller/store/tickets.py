"""Questions about tickets: single-use stand-ins for a key, which any controller accepts.

They live in the table of kept answers, whose rows are short-lived anyway, under a name that no key can have.
"""

import hashlib
from datetime import datetime
from typing import Final
from uuid import UUID

from tocsin_controller.store.database import Queries
from tocsin_controller.store.statements import sql

_INSERT_TICKET = sql("insert_ticket")
_TAKE_TICKET = sql("take_ticket")

_OWNER: Final = "stream-ticket"


async def insert_ticket(
    db: Queries, ticket: str, execution_id: UUID, key_id: UUID, lasts_secs: float
) -> datetime:
    """Stores the ticket's hash, and the key that it stands in for; when it expires."""
    expires_at: datetime = await db.fetchval(
        _INSERT_TICKET, _OWNER, _hash(ticket), str(execution_id), str(key_id), lasts_secs
    )
    return expires_at


async def take_ticket(db: Queries, ticket: str, execution_id: UUID, lasts_secs: float) -> UUID | None:
    """The key that the ticket stands in for, if it is good for this execution; from then on it no longer is."""
    key_id: UUID | None = await db.fetchval(
        _TAKE_TICKET, _OWNER, _hash(ticket), str(execution_id), lasts_secs
    )
    return key_id


def _hash(ticket: str) -> str:
    return hashlib.sha256(ticket.encode("utf-8", "replace")).hexdigest()
