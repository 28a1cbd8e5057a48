"""Keeps the controller's own agent running: `local` work has no other."""

import asyncio
from collections.abc import Callable
from typing import Final

from tocsin_agent.daemon import Agent
from tocsin_controller.jitter import jittered
from tocsin_shared.logs import log

FIRST_DELAY_SECS: Final = 1.0
LONGEST_DELAY_SECS: Final = 60.0


class LocalAgent:
    """An agent that is made anew when it fails; what the last one accepted is in its state directory."""

    def __init__(self, make: Callable[[], Agent], *, first_delay_secs: float = FIRST_DELAY_SECS) -> None:
        self._make = make
        self._first_delay_secs = first_delay_secs
        self._agent: Agent | None = None

    async def run(self) -> None:
        """Until drained or cancelled."""
        loop = asyncio.get_running_loop()
        delay, told = self._first_delay_secs, ""
        while True:
            started_at = loop.time()
            self._agent = self._make()
            try:
                await self._agent.run()
            except Exception as error:
                # A full disk says the same at every try: once with all that is known, then in one line.
                why = repr(error)[:500]
                if why == told:
                    log.warning("local_agent_failed", error=why, retry_secs=round(delay, 2))
                else:
                    log.exception("local_agent_failed", retry_secs=round(delay, 2))
                told = why
            else:
                return
            finally:
                self._agent = None
            if loop.time() - started_at > LONGEST_DELAY_SECS:
                delay = self._first_delay_secs
            await asyncio.sleep(jittered(delay))
            delay = min(delay * 2, LONGEST_DELAY_SECS)

    async def drain(self, grace_secs: float) -> None:
        """As `Agent.drain`; nothing to do while there is none."""
        if self._agent is not None:
            await self._agent.drain(grace_secs)
