"""When a controller was last known to hear this agent, and whether it does now."""

import asyncio
from collections.abc import Callable

from tocsin_agent.clock import Moment


class Contact:
    """Counts from the *sending* of a call that was acknowledged: the controller heard it then or later."""

    def __init__(self, last: Moment | None = None) -> None:
        #: When the newest acknowledged poll or heartbeat was sent; None when none is known of.
        self.last = last
        #: Called before `last` moves on, while the time of silence can still be told.
        self.before_renewal: Callable[[], None] = lambda: None
        self._up = asyncio.Event()

    @property
    def is_up(self) -> bool:
        """Whether the latest call was answered."""
        return self._up.is_set()

    def acknowledged(self, sent: Moment) -> None:
        """A poll or heartbeat sent at this moment was answered."""
        self.before_renewal()
        if self.last is None or not self.last.is_of_this_boot or self.last.uptime_secs < sent.uptime_secs:
            self.last = sent
        self._up.set()

    def failed(self) -> None:
        """A call got no answer that can be used."""
        self._up.clear()

    async def wait_until_up(self) -> None:
        """Return once a poll or heartbeat is answered (again)."""
        await self._up.wait()

    def silence_secs(self) -> float:
        """How long ago the controller last heard this agent for sure; infinite when that is not known."""
        if self.last is None or not self.last.is_of_this_boot:
            return float("inf")
        return self.last.age_secs()
