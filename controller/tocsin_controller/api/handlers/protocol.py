"""Routes that agents call. The native ones come thousands of times a second, so little happens here."""

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.api.table import Call, Route
from tocsin_controller.security.roles import AGENTS
from tocsin_shared.errors import InvalidInput
from tocsin_shared.protocol import (
    EventsRequest,
    EventsResponse,
    HeartbeatRequest,
    HeartbeatResponse,
    Held,
    PollRequest,
    PollResponse,
    RegisterRequest,
    RegisterResponse,
    ResultEvent,
    SimpleItem,
    SimpleResult,
)
from tocsin_shared.views.base import StatusView
from tocsin_shared.wire import Model, storable

TAG = "agent protocol"

UPLOAD_BYTES = 16 * 1024 * 1024
#: A simple agent sends the whole output in one call; JSON may take six bytes for one.
RESULT_BYTES = 48 * 1024 * 1024

LONGEST_WAIT_SECS = 60.0
_INT8_MAX = 2**63 - 1
_INT4_MAX = 2**31 - 1


class WaitQuery(Model):
    """How long a simple agent is willing to wait."""

    model_config = ConfigDict(extra="ignore")

    wait: Annotated[float, Field(allow_inf_nan=False)] = Field(
        0, description="Seconds until 204; more than 60 is 60."
    )


class ProtocolRoutes:
    """The agent protocol, documented in docs/agent-protocol.md."""

    def __init__(self, parts: Parts) -> None:
        self._desk = parts.engine.desk
        self._public_url = parts.settings.public_url

    def routes(self) -> list[Route]:
        """In the order in which paths are tried."""
        one, queue = "/api/agents/{id}", "/api/agent-queue/{id}/next"
        return [
            Route(
                "POST", "/api/agents/register", self.register, "Introduce an agent", AGENTS, TAG,
                body=RegisterRequest, response=RegisterResponse, is_agents_own=True,
            ),
            Route(
                "POST", one + "/heartbeat", self.heartbeat, "Show life", AGENTS, TAG,
                body=HeartbeatRequest, body_required=False, response=HeartbeatResponse, is_agents_own=True,
            ),
            Route(
                "GET", queue, self.next_simple, "One item, for simple agents; 204 when there is none", AGENTS, TAG,
                query=WaitQuery, response=SimpleItem, also={204: "Nothing to do"},
            ),
            Route(
                "POST", queue, self.poll, "Wait for work and orders", AGENTS, TAG,
                body=PollRequest, response=PollResponse, is_agents_own=True,
            ),
            Route(
                "POST", one + "/events", self.upload, "Report starts, output and results", AGENTS, TAG,
                body=EventsRequest, response=EventsResponse, max_body_bytes=UPLOAD_BYTES, is_agents_own=True,
            ),
            Route(
                "POST", "/api/callbacks/execution-result", self.result, "Report a result, for simple agents",
                AGENTS, TAG, body=SimpleResult, response=StatusView, max_body_bytes=RESULT_BYTES, is_agents_own=True,
            ),
        ]  # fmt: skip

    async def register(self, call: Call) -> Any:
        return await self._desk.register(call.caller, call.body)

    async def heartbeat(self, call: Call) -> Any:
        agent_id = call.id("id")
        await self._desk.authorize(call.caller, agent_id)
        body: HeartbeatRequest = call.body
        _check_held(body.running or ())
        for figures in (body.load, body.spool):
            if any("\x00" in name for name in figures):
                raise InvalidInput("names must not contain NUL bytes")
        return await self._desk.heartbeat(agent_id, body)

    async def next_simple(self, call: Call) -> Any:
        agent_id = call.id("id")
        await self._desk.authorize(call.caller, agent_id)
        wait_secs = min(max(call.query.wait, 0.0), LONGEST_WAIT_SECS)
        item = await self._desk.next_simple(agent_id, wait_secs)
        if item is None:
            return None
        base = self._public_url or f"{call.request.scheme}://{call.request.host}"
        item.callback_url = f"{base.rstrip('/')}/api/callbacks/execution-result"
        return item

    async def poll(self, call: Call) -> Any:
        agent_id = call.id("id")
        await self._desk.authorize(call.caller, agent_id)
        body: PollRequest = call.body
        _check_held(body.running)
        if body.seq > _INT8_MAX:
            raise InvalidInput.field("seq", "is too large")
        return await self._desk.poll(agent_id, body)

    async def upload(self, call: Call) -> Any:
        agent_id = call.id("id")
        await self._desk.authorize(call.caller, agent_id)
        body: EventsRequest = call.body
        for index, event in enumerate(body.events):
            if not (0 <= event.fence <= _INT8_MAX and 0 <= event.seq <= _INT4_MAX):
                raise InvalidInput.field(f"events.{index}", "fence or seq is out of range")
            if isinstance(event, ResultEvent) and event.message and "\x00" in event.message:
                event.message = storable(event.message)
        return await self._desk.upload(agent_id, body)

    async def result(self, call: Call) -> Any:
        await self._desk.simple_result(call.caller, call.body)
        return {"status": "ok"}


def _check_held(held: Iterable[Held]) -> None:
    """One agent's nonsense must not spoil the statement that renews the leases of many."""
    for index, one in enumerate(held):
        if not 0 <= one.fence <= _INT8_MAX:
            raise InvalidInput.field(f"running.{index}.fence", "is out of range")
