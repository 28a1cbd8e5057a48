"""Answers kept for repeated requests (G5)."""

from dataclasses import dataclass
from typing import Any

from tocsin_controller.store.database import Session
from tocsin_controller.store.statements import sql
from tocsin_shared.errors import Conflict

_CLAIM = sql("claim_idempotency_key")
_ANSWER = sql("idempotent_answer")


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What an earlier request with the same key was, and what it was told."""

    request_hash: bytes
    response: dict[str, Any]


async def answer(session: Session, principal: str, key: str) -> KeptAnswer | None:
    """The kept answer, if there is one."""
    row = await session.fetchrow(_ANSWER, principal, key)
    return KeptAnswer(row["request_hash"], row["response"]) if row else None


async def keep(
    session: Session, principal: str, key: str, request_hash: bytes, response: dict[str, Any]
) -> None:
    """Keep an answer in the transaction that makes it true. Raises Conflict when another is just doing that."""
    if not await session.fetchval(_CLAIM, principal, key, request_hash, response):
        raise Conflict("a request with this Idempotency-Key is being handled; repeat it for its answer")


def same_request(known: KeptAnswer, request_hash: bytes) -> dict[str, Any]:
    """The kept answer, if the request is the same. Raises Conflict when it is another."""
    if known.request_hash != request_hash:
        raise Conflict("this Idempotency-Key was used for another request")
    return known.response
