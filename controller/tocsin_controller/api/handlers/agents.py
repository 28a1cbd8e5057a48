"""Routes about agents, as people see them."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.api.table import Call, Route
from tocsin_controller.security.roles import EVERYONE, READERS, WRITERS
from tocsin_controller.services.show import as_uuid, show_agent
from tocsin_controller.store import roster
from tocsin_controller.store.database import Record
from tocsin_shared.errors import InvalidInput, NotFound
from tocsin_shared.views import AgentDetail, AgentView, StatusView
from tocsin_shared.wire import UserModel


class TaskTypes(UserModel):
    """What a third-party agent can do, for forms: each with a `name`, a `description` and `fields`."""

    model_config = ConfigDict(extra="ignore")

    task_types: Annotated[list[dict[str, Any]], Field(max_length=1_000)] = []


class AgentRoutes:
    """Agents: list, read, remove, describe."""

    def __init__(self, parts: Parts) -> None:
        self._db = parts.db
        self._desk = parts.engine.desk

    def routes(self) -> list[Route]:
        """In the order in which paths are tried."""
        one = "/api/agents/{id}"
        return [
            Route(
                "GET", "/api/agents", self.list, "List agents by name", READERS, "agents",
                response=list[AgentView],
            ),
            Route(
                "GET", one, self.get, "Read an agent and what it has right now, by id or exact name", READERS,
                "agents", response=AgentDetail,
            ),
            Route("DELETE", one, self.remove, "Unpair an agent", WRITERS, "agents", status=204),
            Route(
                "GET", one + "/task-types", self.task_types, "What an agent can do", EVERYONE, "agents",
                response=list[Any],
            ),
            Route(
                "PUT", one + "/task-types", self.set_task_types, "Describe what a third-party agent can do", WRITERS,
                "agents", body=TaskTypes, body_required=False, response=StatusView,
            ),
        ]  # fmt: skip

    async def list(self, call: Call) -> Any:
        return [show_agent(row) for row in await roster.list_agents(self._db)]

    async def get(self, call: Call) -> Any:
        row = await self._row(call)
        leases = await roster.leases_of_agent(self._db, row["id"])
        return show_agent(row) | {"running": [dict(lease) for lease in leases]}

    async def remove(self, call: Call) -> None:
        row = await self._row(call)
        await self._desk.remove(row["id"], by=call.caller)

    async def task_types(self, call: Call) -> Any:
        return show_agent(await self._row(call))["task_types"]

    async def set_task_types(self, call: Call) -> Any:
        row = await self._row(call)
        for index, one in enumerate(call.body.task_types):
            if not isinstance(one.get("name"), str) or not one["name"]:
                raise InvalidInput.field(f"task_types.{index}.name", "must be text")
        await self._desk.set_task_types(row["id"], call.body.task_types, by=call.caller)
        return {"status": "ok"}

    async def _row(self, call: Call) -> Record:
        ref = call.path["id"]
        row = await roster.agent(self._db, as_uuid(ref) or ref)
        if row is None:
            raise NotFound(f"there is no agent '{ref[:100]}'")
        return row
