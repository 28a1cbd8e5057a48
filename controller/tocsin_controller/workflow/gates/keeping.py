"""The loop at the gates: what nobody decided in time. Every controller runs it; each run is one controller's."""

import asyncio

from tocsin_controller.hints import EVENTS, Hints
from tocsin_controller.jitter import jittered
from tocsin_controller.store.database import Database, HeldSession
from tocsin_controller.workflow.gates.approving import Approver

#: It looks this often (±20 %).
LOOK_SECS = 1.0


class Gatekeeper:
    """Ends runs whose approval expired."""

    def __init__(self, db: Database, hints: Hints, approver: Approver) -> None:
        self._db = db
        self._hints = hints
        self._approver = approver

    async def run(self) -> None:
        """Until cancelled. Raises Unavailable when the database goes away."""
        async with self._db.hold() as session:
            while True:
                await self._expire_approvals(session)
                await asyncio.sleep(jittered(LOOK_SECS))

    async def _expire_approvals(self, session: HeldSession) -> None:
        while True:
            async with session.transaction() as transaction:
                decided = await self._approver.expire(transaction)
            for one in decided:
                self._approver.announce(one)
            if not decided:
                return
            self._hints.hint(EVENTS)
