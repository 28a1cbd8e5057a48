"""Approving and rejecting runs, as people do it."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from tocsin_controller.hints import EVENTS, Hints
from tocsin_controller.security.roles import Principal
from tocsin_controller.services.idempotency import Repeatable, once
from tocsin_controller.store import history
from tocsin_controller.store.database import Database, Session
from tocsin_controller.workflow.gates.approving import Approver, Decided
from tocsin_shared.approvals import DecisionRequest
from tocsin_shared.errors import InvalidInput, NotFound

Decide = Callable[[Session, UUID, UUID, Principal, str | None], Awaitable[Decided | None]]


class ApprovalService:
    """Decisions about runs that wait for them. Of several at once, one is made; the others are refused."""

    def __init__(self, db: Database, hints: Hints, approver: Approver) -> None:
        self._db = db
        self._hints = hints
        self._approver = approver

    async def approve(
        self, execution_id: UUID, body: DecisionRequest, by: Principal, *, idempotency_key: str | None = None
    ) -> dict[str, Any]:
        """Let the run of this execution go. Raises NotFound, and InvalidInput when it does not wait for that."""
        return await self._decide(
            execution_id, body, by, idempotency_key, self._approver.approve, "execution approved"
        )

    async def reject(
        self, execution_id: UUID, body: DecisionRequest, by: Principal, *, idempotency_key: str | None = None
    ) -> dict[str, Any]:
        """Cancel the run of this execution. Raises NotFound, and InvalidInput when it does not wait for that."""
        return await self._decide(
            execution_id, body, by, idempotency_key, self._approver.reject, "execution rejected"
        )

    async def _decide(
        self,
        execution_id: UUID,
        body: DecisionRequest,
        by: Principal,
        idempotency_key: str | None,
        decide: Decide,
        message: str,
    ) -> dict[str, Any]:
        row = await history.execution(self._db, execution_id)
        if row is None:
            raise NotFound(f"there is no execution {execution_id}")
        request = Repeatable.of(by.key_id, idempotency_key, message, execution_id, body.note)
        decided: Decided | None = None

        async def do() -> dict[str, Any]:
            nonlocal decided
            decided = await decide(session, row["run_id"], execution_id, by, body.note)
            if decided is None:
                raise InvalidInput(f"execution {execution_id} does not wait for approval (any more)")
            return {
                "message": message,
                "execution_id": str(execution_id),
                "run_id": str(decided.run_id),
                "execution_ids": [str(one) for one in decided.execution_ids],
            }

        async with self._db.transaction() as session:
            answer = await once(session, request, do)
        if decided is not None:
            self._approver.announce(decided)
            self._hints.hint(EVENTS)
        return answer
