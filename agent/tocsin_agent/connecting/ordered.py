"""Connections that the controller wants tried from this host. Nothing of them is written down here."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

from tocsin_agent.policy import Policy, Refused
from tocsin_shared.logs import log
from tocsin_shared.protocol import MAX_TRIALS, TrialOrder, TrialResult

_MOST_CHARS: Final = 4_000
#: Results that wait for a heartbeat.
_MOST_KEPT: Final = 4 * MAX_TRIALS


class Trials:
    """A few at once, each in a process of its own; what came of them waits for a heartbeat."""

    def __init__(self, policy: Policy, *, on_result: Callable[[], None]) -> None:
        #: What is begun from now on is judged by it.
        self.policy = policy
        self._on_result = on_result
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._results: dict[UUID, TrialResult] = {}

    def begin(self, orders: Sequence[TrialOrder]) -> bool:
        """Try these, but for what is too much at once, which fails; says whether there was anything to try."""
        is_news = False
        for order in orders:
            if order.trial_id in self._tasks:
                continue
            if len(self._tasks) >= MAX_TRIALS:
                # Trials go on though nobody waits for them any more, and the controller does not count those.
                why = f"This agent tries {MAX_TRIALS} connections already; try again shortly."
                self._keep(order, False, why)
                continue
            is_news = True
            name = f"trial-{order.trial_id}"
            self._tasks[order.trial_id] = asyncio.create_task(self._attempt(order), name=name)
        return is_news

    def results(self) -> list[TrialResult]:
        """What was not told yet, newest last, as far as one heartbeat takes it."""
        return list(self._results.values())[:MAX_TRIALS]

    def told(self, results: Sequence[TrialResult]) -> None:
        """The controller knows these."""
        for result in results:
            self._results.pop(result.trial_id, None)
        if self._results:
            self._on_result()

    async def close(self) -> None:
        """End what is being tried."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _attempt(self, order: TrialOrder) -> None:
        try:
            success, message = await self._tried(order)
        finally:
            del self._tasks[order.trial_id]
        log.info("connection_tried", connection=order.connection.name, success=success)
        self._keep(order, success, message)

    def _keep(self, order: TrialOrder, success: bool, message: str) -> None:
        while len(self._results) >= _MOST_KEPT:  # nobody has waited for the oldest for long
            del self._results[next(iter(self._results))]
        self._results[order.trial_id] = TrialResult(
            trial_id=order.trial_id, success=success, message=message[:_MOST_CHARS]
        )
        self._on_result()

    async def _tried(self, order: TrialOrder) -> tuple[bool, str]:
        # Loaded when somebody asks: an agent that never tries anything does not carry it.
        from tocsin_agent.connecting.process import try_in_process
        from tocsin_agent.policy.trials import check_trial

        try:
            await check_trial(self.policy, order.connection)
        except Refused as error:
            return False, str(error)
        tried = await try_in_process(
            order.connection, reach=self.policy.reach, timeout_secs=order.timeout_secs
        )
        return tried.success, tried.message
