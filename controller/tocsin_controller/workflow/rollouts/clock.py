"""A time that a rollout waited for has come: a delay is over, or a deadline passed."""

from collections.abc import Sequence
from uuid import UUID

from tocsin_controller.store.database import Session
from tocsin_controller.store.outbox import OutboxEntry
from tocsin_controller.workflow.ending import Ender
from tocsin_controller.workflow.outbox import AfterCommit


class RolloutClock:
    """Handles the entries of rollouts in the outbox."""

    def __init__(self, ender: Ender) -> None:
        self._ender = ender

    async def __call__(self, session: Session, entries: Sequence[OutboxEntry]) -> AfterCommit:
        """Take the steps that are due; a rollout that went on meanwhile is left as it is."""
        run_ids = {UUID(str(entry.payload["run_id"])) for entry in entries}
        aftermath = await self._ender.advance(session, run_ids)
        return lambda: self._ender.announce(aftermath)
