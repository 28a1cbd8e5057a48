"""The `local` target: the agent's own daemon inside the controller, talking to it without a network."""

import os
import socket
from uuid import UUID

from tocsin_agent.link import Refused, Unreachable
from tocsin_controller.dispatch.desk import AgentDesk
from tocsin_controller.settings import ControllerSettings
from tocsin_shared.errors import TocsinError, Unavailable
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


def node_name(settings: ControllerSettings) -> str:
    """What a controller, and the agent inside it, is called.

    With a journal that outlives this process, the name must too: what is in it is reported under it.
    """
    return f"controller-{socket.gethostname()}-{settings.port if settings.state_dir else os.getpid()}"


class LocalLink:
    """The agent's ControllerLink, without HTTP."""

    def __init__(self, desk: AgentDesk) -> None:
        self._desk = desk

    async def register(self, request: RegisterRequest) -> RegisterResponse:
        """Register as this controller's own agent."""
        try:
            return await self._desk.register_local(request)
        except TocsinError as error:
            raise _as_link_error(error) from error

    async def poll(self, agent_id: UUID, request: PollRequest) -> PollResponse:
        """Wait for work and orders."""
        try:
            return await self._desk.poll(agent_id, request)
        except TocsinError as error:
            raise _as_link_error(error) from error

    async def heartbeat(self, agent_id: UUID, request: HeartbeatRequest) -> HeartbeatResponse:
        """Show that this controller lives."""
        try:
            return await self._desk.heartbeat(agent_id, request)
        except TocsinError as error:
            raise _as_link_error(error) from error

    async def upload(self, agent_id: UUID, request: EventsRequest) -> EventsResponse:
        """Report."""
        try:
            return await self._desk.upload(agent_id, request)
        except TocsinError as error:
            raise _as_link_error(error) from error

    async def close(self) -> None:
        """Nothing to close."""


def _as_link_error(error: TocsinError) -> Exception:
    if isinstance(error, Unavailable):
        return Unreachable(error.retry_after_secs)
    return Refused(error.status, error.code, str(error))
