"""Routes about agents, as people see them."""

from typing import Any

from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.api.table import Call, Route
from tocsin_controller.security.roles import EVERYONE, READERS, WRITERS
from tocsin_controller.services.show import as_uuid, show_agent
from tocsin_controller.store import roster
from tocsin_controller.store.database import Record
from tocsin_shared.errors import NotFound
from tocsin_shared.task_types import TaskTypes
from tocsin_shared.views.agents import AgentDetail, AgentView
from tocsin_shared.views.base import StatusView


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
        given = [one.given() for one in call.body.task_types]
        await self._desk.set_task_types(row["id"], given, by=call.caller)
        return {"status": "ok"}

    async def _row(self, call: Call) -> Record:
        ref = call.path["id"]
        row = await roster.agent(self._db, as_uuid(ref) or ref)
        if row is None:
            raise NotFound(f"there is no agent '{ref[:100]}'")
        return row
