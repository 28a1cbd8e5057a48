"""How an agent reaches its controller: four calls and two ways to fail. Nothing else in the agent knows more.

`http_link.HttpLink` speaks HTTP; a controller that runs `local` work answers the same calls in-process.
"""

from typing import Protocol
from uuid import UUID

from tocsin_shared.protocol import (
    EventsRequest,
    EventsResponse,
    HeartbeatRequest,
    HeartbeatResponse,
    PollRequest,
    PollResponse,
    RegisterRequest,
    RegisterResponse,
)


class LinkError(Exception):
    """A call to the controller did not succeed."""


class Unreachable(LinkError):
    """Nobody answered, or nothing that can be used: worth another try.

    `retry_after_secs` is how long the controller asked to be left alone, if it said so.
    """

    def __init__(self, retry_after_secs: float | None = None, why: str = "no usable answer") -> None:
        super().__init__(why)
        self.retry_after_secs = retry_after_secs


class TooLarge(Unreachable):
    """The answer was larger than what is read. Asking for less may help."""

    def __init__(self, why: str) -> None:
        super().__init__(None, why)


class Refused(LinkError):
    """The controller understood and said no: the same call again would get the same answer."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    @property
    def is_superseded(self) -> bool:
        """Whether a newer process of this agent has registered."""
        return self.code == "superseded"

    @property
    def is_cloned(self) -> bool:
        """Whether another copy of this agent's state directory has registered."""
        return self.code == "cloned"

    @property
    def is_unknown_agent(self) -> bool:
        """Whether the controller does not know this agent (any more): it has to register again."""
        return self.status in (401, 404)

    @property
    def is_bad_request(self) -> bool:
        """Whether a controller, and not something on the way to it, says that the request itself is wrong."""
        return self.status == 400 and self.code != ""

    @property
    def is_too_large(self) -> bool:
        """Whether less in one call might be accepted."""
        return self.status == 413


class ControllerLink(Protocol):
    """What an agent asks of its controller. Every call raises Unreachable or Refused when it fails."""

    async def register(self, request: RegisterRequest) -> RegisterResponse:
        """Introduce this agent. Repeating is harmless."""
        ...

    async def poll(self, agent_id: UUID, request: PollRequest) -> PollResponse:
        """Wait for work and orders, at most `request.wait_secs`. Cancelling it abandons the answer."""
        ...

    async def heartbeat(self, agent_id: UUID, request: HeartbeatRequest) -> HeartbeatResponse:
        """Show that this agent lives and what it runs."""
        ...

    async def upload(self, agent_id: UUID, request: EventsRequest) -> EventsResponse:
        """Report what happened; the answer has one receipt per event, in order."""
        ...

    async def close(self) -> None:
        """Give up connections. No call follows."""
        ...
