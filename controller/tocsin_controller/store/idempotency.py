"""Answers kept for repeated requests (G5)."""

from typing import Any

from tocsin_controller.store.database import Session
from tocsin_controller.store.statements import sql
from tocsin_shared.errors import Conflict

_CLAIM = sql("claim_idempotency_key")
_KEPT = sql("idempotent_answer")
_KEEP = sql("keep_idempotent_answer")


async def claim(session: Session, principal: str, key: str, request_hash: bytes) -> dict[str, Any] | None:
    """None when this request is the first with its key, else what the first was told.

    Two at once: the second waits here until the first has committed, and gets its answer, or has failed, and
    becomes the first. Raises Conflict when the key was used for another request.
    """
    if await session.fetchval(_CLAIM, principal, key, request_hash):
        return None
    row = await session.fetchrow(_KEPT, principal, key)
    if row is None or row["request_hash"] != request_hash:
        raise Conflict("this Idempotency-Key was used for another request")
    answer: dict[str, Any] = row["response"]
    return answer


async def keep(session: Session, principal: str, key: str, answer: dict[str, Any]) -> None:
    """Keeps the answer in the transaction that makes it true; the caller has claimed the key in it."""
    await session.execute(_KEEP, principal, key, answer)
