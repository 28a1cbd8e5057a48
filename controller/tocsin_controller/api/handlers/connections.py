"""Routes about connections."""

from typing import Any

from pydantic import ConfigDict, Field

from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.api.table import Call, Route
from tocsin_controller.security.roles import READERS, WRITERS
from tocsin_controller.services.connection_trials import ConnectionTrials, TrialsByAgents
from tocsin_controller.services.connections import ConnectionService
from tocsin_shared.connections.requests import (
    ConnectionCreate,
    ConnectionTest,
    ConnectionTestedView,
    ConnectionUpdate,
    ConnectionView,
)
from tocsin_shared.wire import Model, Text


class ConnectionsQuery(Model):
    """Which connections."""

    model_config = ConfigDict(extra="forbid")

    after: Text = Field(
        "", max_length=100, description="Only names after this one: the last name of the list before."
    )
    search: Text | None = Field(
        None, max_length=100, description="Found in the name, in any case of letters."
    )
    limit: int = Field(1_000, ge=1, le=1_000, description="At most so many.")


class DeleteQuery(Model):
    """How to delete."""

    model_config = ConfigDict(extra="forbid")

    force: bool = Field(
        False, description="Although jobs use it: they fail from then on, with the reason `bad_connection`."
    )


class ConnectionRoutes:
    """Connections: list, read, create, change, delete, try."""

    def __init__(self, parts: Parts) -> None:
        self._connections = ConnectionService(parts.db, parts.engine.hints, parts.engine.vault)
        self._trials = ConnectionTrials(parts.engine.reach)
        self._by_agents = TrialsByAgents(parts.db, parts.engine.trials)

    def routes(self) -> list[Route]:
        """In the order in which paths are tried."""
        every, one = "/api/connections", "/api/connections/{name}"
        return [
            Route(
                "GET", every, self.list, "List connections by name; secrets are masked", READERS, "connections",
                query=ConnectionsQuery, response=list[ConnectionView],
            ),
            Route(
                "POST", every, self.create, "Create a connection", WRITERS, "connections",
                body=ConnectionCreate, response=ConnectionView, status=201,
            ),
            Route(
                "GET", one, self.get, "Read a connection; its secrets are masked", READERS, "connections",
                response=ConnectionView,
            ),
            Route(
                "PUT", one, self.update, "Change a connection; the mask of a secret keeps it, null clears a key",
                WRITERS, "connections", body=ConnectionUpdate, response=ConnectionView,
            ),
            Route(
                "DELETE", one, self.delete, "Delete a connection", WRITERS, "connections", query=DeleteQuery,
                status=204,
            ),
            Route(
                "POST", one + "/test", self.test, "Connect from the controller's host or an agent's, and log in",
                WRITERS, "connections", body=ConnectionTest, body_required=False, response=ConnectionTestedView,
            ),
        ]  # fmt: skip

    async def list(self, call: Call) -> Any:
        query: ConnectionsQuery = call.query
        return await self._connections.list(after=query.after, search=query.search, limit=query.limit)

    async def get(self, call: Call) -> Any:
        return await self._connections.get(call.path["name"])

    async def create(self, call: Call) -> Any:
        return await self._connections.create(call.body, call.caller)

    async def update(self, call: Call) -> Any:
        return await self._connections.update(call.path["name"], call.body, call.caller)

    async def delete(self, call: Call) -> None:
        query: DeleteQuery = call.query
        await self._connections.delete(call.path["name"], call.caller, force=query.force)

    async def test(self, call: Call) -> Any:
        body: ConnectionTest = call.body
        name = call.path["name"]
        connection = await self._connections.usable(name)
        if body.agent is not None:
            return await self._by_agents.attempt(name, body.agent)
        return await self._trials.attempt(connection)
