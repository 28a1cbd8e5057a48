"""An agent's call that waits for an answer."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from tocsin_controller.dispatch.sessions import AgentSession
from tocsin_shared.protocol import Held, PollResponse


@dataclass(eq=False, slots=True)
class Call:
    """An agent's poll or heartbeat that waits for an answer. `seq` None means heartbeat, or a simple agent."""

    session: AgentSession
    incarnation: UUID | None
    seq: int | None
    slots: int
    held: Sequence[Held]
    is_native: bool
    answer: asyncio.Future[PollResponse] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    #: Perhaps being given work right now: the answer comes in a moment, whatever the clock says.
    is_claiming: bool = False
    #: The wait ended while it was claiming: without work the answer is empty.
    is_over: bool = False
    #: A newer process of the agent has registered: nothing is for this one any more.
    is_superseded: bool = False
    #: By the monotonic clock.
    came_at: float = field(default_factory=time.monotonic)

    def held_secs(self, until: float) -> float:
        """How long it had waited at that moment of the monotonic clock."""
        return max(until - self.came_at, 0.0)

    def note_superseded(self) -> None:
        """Its agent is to be read again; if its process is there after all, its next call is refused."""
        self.is_superseded = True
        self.session.read_at = float("-inf")

    def reply(self, response: PollResponse) -> None:
        """Answer, unless somebody did already."""
        if not self.answer.done():
            self.answer.set_result(response)
