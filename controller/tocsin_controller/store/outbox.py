"""Questions about the outbox: what is still to be done because of something that is true already."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tocsin_controller.store.database import Queries, Record, Session
from tocsin_controller.store.statements import sql

_ADD = sql("add_to_outbox")
_WORK = sql("outbox_work")
_TAKE = sql("take_from_outbox")
_TAKE_ONE = sql("take_one_from_outbox")
_DELETE = sql("delete_from_outbox")
_DEFER = sql("defer_in_outbox")
_ASIDE = sql("outbox_set_aside")
_OFFER = sql("offer_set_aside")
_DROP = sql("drop_set_aside")
_NOTE_TAKEN = sql("note_taken_in_outbox")
_CLAIMED = sql("claimed_in_outbox")
_DELETE_CLAIMED = sql("delete_claimed_from_outbox")


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """One thing to do."""

    id: UUID
    payload: dict[str, Any]
    #: How often it was tried before, without success.
    attempts: int


async def add_to_outbox(
    session: Session, kind: str, payloads: Sequence[dict[str, Any]], *, delay_secs: float = 0
) -> None:
    """Note what is to be done, in the caller's transaction; after it has committed, hint `outbox`."""
    if payloads:
        await session.execute(_ADD, kind, list(payloads), float(delay_secs))


async def outbox_work(session: Queries, kinds: Sequence[str]) -> dict[str, float]:
    """For each of these kinds that has entries, how many seconds until the first is due; negative when it is."""
    return {row["kind"]: row["secs"] for row in await session.fetch(_WORK, list(kinds))}


async def take_from_outbox(session: Session, kind: str, limit: int) -> list[OutboxEntry]:
    """The oldest due entries of a kind that nobody else has, this transaction's until it ends."""
    return [OutboxEntry(**row) for row in await session.fetch(_TAKE, kind, limit)]


async def take_one_from_outbox(session: Session, entry_id: UUID) -> OutboxEntry | None:
    """One entry, this transaction's until it ends; None when it is done, not due, or somebody else has it."""
    row = await session.fetchrow(_TAKE_ONE, entry_id)
    return OutboxEntry(**row) if row is not None else None


async def delete_from_outbox(session: Session, entry_ids: Sequence[UUID]) -> int:
    """They are done; how many of them were still there."""
    return await session.execute(_DELETE, list(entry_ids))


async def defer_in_outbox(
    session: Queries, entry: OutboxEntry, why: str, *, retry_secs: float | None
) -> bool:
    """It failed: try again after that time, or, with None, never. False when it does not stand as it was seen."""
    return await session.fetchval(_DEFER, entry.id, entry.attempts, why, retry_secs) is not None


async def is_claimed(db: Queries, entry: OutboxEntry) -> bool:
    """Whether nobody has taken it since the caller did, by putting it off."""
    found: bool = await db.fetchval(_CLAIMED, entry.id, entry.attempts + 1)
    return found


async def delete_claimed(session: Session, entry: OutboxEntry) -> bool:
    """It is done, if nobody has taken it since the caller did."""
    return await session.execute(_DELETE_CLAIMED, entry.id, entry.attempts + 1) == 1


async def note_taken(session: Queries, entry_id: UUID, taken: dict[str, Any]) -> None:
    """These parts of it are done, besides what others have done of it meanwhile."""
    await session.execute(_NOTE_TAKEN, entry_id, taken)


async def set_aside_entries(db: Queries, limit: int) -> list[Record]:
    """What was given up after too many tries, newest first."""
    return await db.fetch(_ASIDE, limit)


async def offer_set_aside(session: Session, entry_id: UUID) -> str | None:
    """Have it tried again; its kind, or None when no such entry was set aside."""
    kind: str | None = await session.fetchval(_OFFER, entry_id)
    return kind


async def drop_set_aside(session: Session, entry_id: UUID) -> str | None:
    """Have it never done; its kind, or None when no such entry was set aside."""
    kind: str | None = await session.fetchval(_DROP, entry_id)
    return kind
