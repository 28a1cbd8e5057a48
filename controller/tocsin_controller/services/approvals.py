"""Approving and rejecting runs, as people do it."""

from collections.abc import Awaitable, Callable
from typing import Any, Final
from uuid import UUID

from tocsin_controller.definitions import Definitions
from tocsin_controller.hints import EVENTS, Hints
from tocsin_controller.scheduling.blackouts import UnreadableCalendar, blackout_around
from tocsin_controller.scheduling.named_calendars import load_calendars
from tocsin_controller.security.roles import Principal
from tocsin_controller.services.idempotency import Repeatable, once
from tocsin_controller.store import history
from tocsin_controller.store.database import Database, Session
from tocsin_controller.store.jobs import read_clock
from tocsin_controller.workflow.gates.approving import Approver, Decided, PutOff
from tocsin_shared.approvals import DecisionRequest
from tocsin_shared.calendars import Blackout
from tocsin_shared.errors import Conflict, InvalidInput, NotFound
from tocsin_shared.jobs import JobDefinition

#: Triggers of runs that nobody asked for by hand: blackouts hold these back.
_HELD_BY_BLACKOUTS: Final = frozenset({"scheduler", "event"})

Decide = Callable[[Session, UUID, UUID, Principal, str | None], Awaitable[Decided | None]]


class ApprovalService:
    """Decisions about runs that wait for them. Of several at once, one is made; the others are refused."""

    def __init__(self, db: Database, hints: Hints, definitions: Definitions, approver: Approver) -> None:
        self._db = db
        self._hints = hints
        self._definitions = definitions
        self._approver = approver

    async def approve(
        self, execution_id: UUID, body: DecisionRequest, by: Principal, *, idempotency_key: str | None = None
    ) -> dict[str, Any]:
        """Let the run of this execution go. Raises NotFound, and InvalidInput when it does not wait for that.

        A run that nobody asked for by hand waits for the end of a blackout whose policy is `defer`. Raises Conflict
        when nobody can say whether there is one.
        """
        put_off: PutOff | None = None

        async def approve(
            session: Session, run_id: UUID, execution_id: UUID, by: Principal, note: str | None
        ) -> Decided | None:
            nonlocal put_off
            put_off = await self._put_off(session, run_id)
            return await self._approver.approve(session, run_id, execution_id, by, note, put_off)

        def message() -> str:
            return f"execution approved; it {put_off.why}" if put_off is not None else "execution approved"

        return await self._decide(execution_id, body, by, idempotency_key, approve, message)

    async def reject(
        self, execution_id: UUID, body: DecisionRequest, by: Principal, *, idempotency_key: str | None = None
    ) -> dict[str, Any]:
        """Cancel the run of this execution. Raises NotFound, and InvalidInput when it does not wait for that."""
        return await self._decide(
            execution_id, body, by, idempotency_key, self._approver.reject, lambda: "execution rejected"
        )

    async def _put_off(self, session: Session, run_id: UUID) -> PutOff | None:
        """Until when the run does not start, although it is approved."""
        run = await history.run(session, run_id)
        if run is None or run["trigger"].get("type") not in _HELD_BY_BLACKOUTS:
            return None
        job = await self._definitions.get(session, (run["job_id"], run["job_version"]))
        if not isinstance(job, JobDefinition) or not job.blackouts:
            return None
        calendars = await load_calendars(session, job.blackouts)
        try:
            dark = blackout_around(job, calendars, await read_clock(session))
        except UnreadableCalendar as error:
            raise Conflict(f"it can't be said whether the run may start: {error}") from error
        if dark is None or dark.policy is not Blackout.DEFER:
            return None
        return PutOff(dark.end, f"waits until {dark.end:%Y-%m-%d %H:%M:%S} UTC: {dark.why}")

    async def _decide(
        self,
        execution_id: UUID,
        body: DecisionRequest,
        by: Principal,
        idempotency_key: str | None,
        decide: Decide,
        message: Callable[[], str],
    ) -> dict[str, Any]:
        row = await history.execution(self._db, execution_id)
        if row is None:
            raise NotFound(f"there is no execution {execution_id}")
        request = Repeatable.of(by.key_id, idempotency_key, message(), execution_id, body.note)
        decided: Decided | None = None

        async def do() -> dict[str, Any]:
            nonlocal decided
            decided = await decide(session, row["run_id"], execution_id, by, body.note)
            if decided is None:
                raise InvalidInput(f"execution {execution_id} does not wait for approval (any more)")
            return {
                "message": message(),
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
