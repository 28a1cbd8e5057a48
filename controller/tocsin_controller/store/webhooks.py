"""Questions about webhooks: addresses that run a job without a key."""

from dataclasses import dataclass
from uuid import UUID

from tocsin_controller.store.database import Queries, Record, Session
from tocsin_controller.store.statements import sql

_SET = sql("set_webhook")
_DROP = sql("drop_webhook")
_OF_JOB = sql("webhook_of_job")
_BY_HASH = sql("webhook_by_hash")
_NOTE_CALL = sql("note_webhook_call")


@dataclass(frozen=True, slots=True)
class Webhook:
    """Which job an address runs."""

    job_id: UUID
    token_prefix: str
    #: What calls are signed with; None: they need not be.
    sealed: bytes | None


async def set_webhook(
    session: Session,
    job_id: UUID,
    token_hash: bytes,
    token_prefix: str,
    created_by: str,
    sealed: bytes | None,
    key_id: bytes | None,
) -> bool:
    """From the commit on this token runs the job, and no other does; False when the secret's key was retired."""
    row = await session.fetchval(_SET, job_id, token_hash, token_prefix, created_by, sealed, key_id)
    return row is not None


async def drop_webhook(session: Session, job_id: UUID) -> bool:
    """No token runs the job any more; whether one did."""
    return await session.fetchval(_DROP, job_id) is not None


async def webhook_of_job(db: Queries, job_id: UUID) -> Record | None:
    """What is shown of it: token_prefix, created_by, created_at, is_signed."""
    return await db.fetchrow(_OF_JOB, job_id)


async def webhook_by_hash(db: Queries, token_hash: bytes) -> Webhook | None:
    """Whose it is."""
    row = await db.fetchrow(_BY_HASH, token_hash)
    return Webhook(**row) if row is not None else None


async def note_call(session: Session, job_id: UUID, nonce: bytes, secs: float) -> bool:
    """Accept a call once; False when it was accepted already, less than so many seconds ago."""
    return await session.fetchval(_NOTE_CALL, job_id, nonce, float(secs)) is not None
