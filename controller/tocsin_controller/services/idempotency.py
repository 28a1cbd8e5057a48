"""Doing what a repeated request asks for only once (guarantee G5)."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from tocsin_controller.store import idempotency
from tocsin_controller.store.database import Session
from tocsin_shared.errors import InvalidInput
from tocsin_shared.wire import dumps

MAX_KEY_CHARS = 255


@dataclass(frozen=True, slots=True)
class Repeatable:
    """One request that may come twice: whose it is, its Idempotency-Key, and what it asks for."""

    principal: str
    key: str
    request_hash: bytes

    @classmethod
    def of(cls, principal: object, key: str | None, *asked: Any) -> "Repeatable | None":
        """From the header's value; None when there is none. Raises InvalidInput."""
        if key is None:
            return None
        if not (0 < len(key) <= MAX_KEY_CHARS and key.isascii() and key.isprintable()):
            raise InvalidInput.field(
                "Idempotency-Key", f"must be 1 to {MAX_KEY_CHARS} printable ASCII characters"
            )
        return cls(str(principal), key, hashlib.sha256(dumps(asked)).digest())


async def once(
    session: Session, request: Repeatable | None, do: Callable[[], Awaitable[dict[str, Any]]]
) -> dict[str, Any]:
    """What `do` answers, or answered to the first such request; `do` works in this transaction."""
    if request is None:
        return await do()
    known = await idempotency.claim(session, request.principal, request.key, request.request_hash)
    if known is not None:
        return known
    answer = await do()
    await idempotency.keep(session, request.principal, request.key, answer)
    return answer
