"""Questions about webhooks: addresses that run a job without a key."""

from dataclasses import dataclass
from uuid import UUID

from tocsin_controller.store.database import Queries, Record, Session
from tocsin_controller.store.statements import sql

_SET = sql("set_webhook")
_DROP = sql("drop_webhook")
_OF_JOB = sql("webhook_of_job")
_BY_HASH = sql("webhook_by_hash")


@dataclass(frozen=True, slots=True)
class Webhook:
    """Which job an address runs."""

    job_id: UUID
    token_prefix: str


async def set_webhook(
    session: Session, job_id: UUID, token_hash: bytes, token_prefix: str, created_by: str
) -> None:
    """From the commit on this token runs the job, and no other does."""
    await session.execute(_SET, job_id, token_hash, token_prefix, created_by)


async def drop_webhook(session: Session, job_id: UUID) -> bool:
    """No token runs the job any more; whether one did."""
    return await session.fetchval(_DROP, job_id) is not None


async def webhook_of_job(db: Queries, job_id: UUID) -> Record | None:
    """What is shown of it: token_prefix, created_by, created_at."""
    return await db.fetchrow(_OF_JOB, job_id)


async def webhook_by_hash(db: Queries, token_hash: bytes) -> Webhook | None:
    """Whose it is."""
    row = await db.fetchrow(_BY_HASH, token_hash)
    return Webhook(**row) if row is not None else None
