"""What a task leaves to be done once its result can't be lost any more."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

from tocsin_shared.logs import log

Callback = Callable[[], Awaitable[None]]

#: A server gets so long to take an acknowledgement, and so long to be left without one.
ACKNOWLEDGE_WITHIN_SECS = 30.0
LEAVE_WITHIN_SECS = 5.0


class AfterJournal:
    """Of one execution. Each pair of callbacks is used once: either the first or, failing that, the second."""

    def __init__(self) -> None:
        self._pairs: list[tuple[Callback, Callback | None]] = []

    def add(self, acknowledge: Callback, give_up: Callback | None) -> None:
        """See `tasks.base.TaskContext.after_journal`."""
        self._pairs.append((acknowledge, give_up))

    async def acknowledge(self, execution_id: UUID) -> None:
        """The result is durable, and is what the task said. Errors are logged and end here."""
        while self._pairs:
            acknowledge, _ = self._pairs.pop(0)
            await _call(acknowledge, ACKNOWLEDGE_WITHIN_SECS, "acknowledgement_failed", execution_id)

    async def give_up(self, execution_id: UUID) -> None:
        """It never will be, or is another. Nothing happens if it was acknowledged."""
        while self._pairs:
            _, give_up = self._pairs.pop(0)
            if give_up is not None:
                await _call(give_up, LEAVE_WITHIN_SECS, "giving_up_failed", execution_id)


async def _call(callback: Callback, within_secs: float, event: str, execution_id: UUID) -> None:
    try:
        async with asyncio.timeout(within_secs):
            await callback()
    except Exception as error:  # noqa: BLE001 - a driver can raise anything; the result stands all the same
        # Only what kind of error it is: a driver's text may hold a secret.
        log.warning(event, execution_id=str(execution_id), error=type(error).__name__)
