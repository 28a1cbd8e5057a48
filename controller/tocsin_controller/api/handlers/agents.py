"""Routes about agents, and those that agents call."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.api.table import Call, Route
from tocsin_controller.security.roles import AGENTS, EVERYONE, READERS, WRITERS
from tocsin_controller.services.show import as_uuid, show_agent
from tocsin_controller.store import history
from tocsin_shared.errors import InvalidInput, NotFound
from tocsin_shared.protocol import (
    EventsRequest,
    EventsResponse,
    HeartbeatRequest,
    HeartbeatResponse,
    PollRequest,
    PollResponse,
    RegisterRequest,
    RegisterResponse,
    SimpleItem,
    SimpleResult,
)

UPLOAD_BYTES = 16 * 1024 * 1024
RESULT_BYTES = 48 * 1024 * 1024


class WaitQuery(BaseModel):
    """How long a simple agent is willing to wait, in seconds; more than 60 is 60."""

    model_config = ConfigDict(extra="ignore")

    wait: Annotated[float, Field(ge=0)] = 0


class TaskTypes(BaseModel):
    """What a third-party agent can do, for forms."""

    model_config = ConfigDict(extra="ignore")

    task_types: Annotated[list[dict[str, Any]], Field(max_length=1_000)] = []


class AgentRoutes:
    """Agents: their own calls, and what people see of them."""

    def __init__(self, parts: Parts) -> None:
        self._db = parts.db
        self._desk = parts.engine.desk
        self._public_url = parts.settings.public_url

    def routes(self) -> list[Route]:
        """In the order in which paths are tried."""
        one, queue = "/api/agents/{id}", "/api/agent-queue/{id}/next"
        return [
            Route(
                "POST", "/api/agents/register", self.register, "Introduce an agent", AGENTS, "agent protocol",
                body=RegisterRequest, response=RegisterResponse,
            ),
            Route(
                "POST", one + "/heartbeat", self.heartbeat, "Show life", AGENTS, "agent protocol",
                body=HeartbeatRequest, body_required=False, response=HeartbeatResponse,
            ),
            Route(
                "GET", queue, self.next_simple, "One item, for simple agents; 204 when there is none", AGENTS,
                "agent protocol", query=WaitQuery, response=SimpleItem,
            ),
            Route(
                "POST", queue, self.poll, "Wait for work and orders", AGENTS, "agent protocol",
                body=PollRequest, response=PollResponse,
            ),
            Route(
                "POST", one + "/events", self.upload, "Report starts, output and results", AGENTS, "agent protocol",
                body=EventsRequest, response=EventsResponse, max_body_bytes=UPLOAD_BYTES,
            ),
            Route(
                "POST", "/api/callbacks/execution-result", self.result, "Report a result, for simple agents",
                AGENTS, "agent protocol", body=SimpleResult, max_body_bytes=RESULT_BYTES,
            ),
            Route("GET", "/api/agents", self.list, "List agents by name", READERS, "agents"),
            Route("GET", one, self.get, "An agent and what it runs, by id or name", READERS, "agents"),
            Route("DELETE", one, self.remove, "Unpair an agent", WRITERS, "agents", status=204),
            Route("GET", one + "/task-types", self.task_types, "What an agent can do", EVERYONE, "agents"),
            Route(
                "PUT", one + "/task-types", self.set_task_types, "Describe what an agent can do", WRITERS, "agents",
                body=TaskTypes, body_required=False,
            ),
        ]  # fmt: skip

    async def register(self, call: Call) -> Any:
        return await self._desk.register(call.caller, call.body)

    async def heartbeat(self, call: Call) -> Any:
        agent_id = call.id("id")
        await self._desk.authorize(call.caller, agent_id)
        return await self._desk.heartbeat(agent_id, call.body)

    async def next_simple(self, call: Call) -> Any:
        agent_id = call.id("id")
        await self._desk.authorize(call.caller, agent_id)
        item = await self._desk.next_simple(agent_id, min(call.query.wait, 60))
        if item is None:
            return None
        base = self._public_url or f"{call.request.scheme}://{call.request.host}"
        item.callback_url = f"{base.rstrip('/')}/api/callbacks/execution-result"
        return item

    async def poll(self, call: Call) -> Any:
        agent_id = call.id("id")
        await self._desk.authorize(call.caller, agent_id)
        return await self._desk.poll(agent_id, call.body)

    async def upload(self, call: Call) -> Any:
        agent_id = call.id("id")
        await self._desk.authorize(call.caller, agent_id)
        return await self._desk.upload(agent_id, call.body)

    async def result(self, call: Call) -> Any:
        await self._desk.simple_result(call.caller, call.body)
        return {"status": "ok"}

    async def list(self, call: Call) -> Any:
        return [show_agent(row) for row in await history.list_agents(self._db)]

    async def get(self, call: Call) -> Any:
        row = await self._row(call)
        leases = await history.leases_of_agent(self._db, row["id"])
        return show_agent(row) | {"running": [dict(lease) for lease in leases]}

    async def remove(self, call: Call) -> None:
        row = await self._row(call)
        await self._desk.remove(row["id"], by=call.caller.name)

    async def task_types(self, call: Call) -> Any:
        return show_agent(await self._row(call))["task_types"]

    async def set_task_types(self, call: Call) -> Any:
        row = await self._row(call)
        if any(not isinstance(one.get("name"), str) for one in call.body.task_types):
            raise InvalidInput.field("task_types", "each needs a name")
        await self._desk.set_task_types(row["id"], call.body.task_types)
        return {"status": "ok"}

    async def _row(self, call: Call) -> Any:
        ref = call.path["id"]
        row = await history.agent(self._db, as_uuid(ref) or ref)
        if row is None:
            raise NotFound(f"there is no agent '{ref[:100]}'")
        return row
