"""Routes about variables."""

from typing import Any

from pydantic import ConfigDict, Field

from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.api.table import Call, Route
from tocsin_controller.security.roles import READERS, WRITERS
from tocsin_controller.services.variables import VariableService
from tocsin_shared.variables import VariableCreate, VariableUpdate, VariableView
from tocsin_shared.wire import Model, Text


class VariablesQuery(Model):
    """Which variables."""

    model_config = ConfigDict(extra="forbid")

    after: Text = Field(
        "", max_length=128, description="Only names after this one: the last name of the list before."
    )
    search: Text | None = Field(
        None, max_length=128, description="Found in the name, in any case of letters."
    )
    limit: int = Field(1_000, ge=1, le=1_000, description="At most so many.")


class VariableRoutes:
    """Variables: list, read, create, change, delete."""

    def __init__(self, parts: Parts) -> None:
        self._variables = VariableService(parts.db, parts.engine.hints, parts.engine.vault)

    def routes(self) -> list[Route]:
        """In the order in which paths are tried."""
        one = "/api/variables/{name}"
        return [
            Route(
                "GET", "/api/variables", self.list, "List variables by name; secrets are masked", READERS,
                "variables", query=VariablesQuery, response=list[VariableView],
            ),
            Route(
                "POST", "/api/variables", self.create, "Create a variable", WRITERS, "variables",
                body=VariableCreate, response=VariableView, status=201,
            ),
            Route(
                "GET", one, self.get, "Read a variable; a secret is masked", READERS, "variables",
                response=VariableView,
            ),
            Route(
                "PUT", one, self.update, "Change a variable; the mask of a secret keeps its value", WRITERS,
                "variables", body=VariableUpdate, response=VariableView,
            ),
            Route("DELETE", one, self.delete, "Delete a variable", WRITERS, "variables", status=204),
        ]  # fmt: skip

    async def list(self, call: Call) -> Any:
        query: VariablesQuery = call.query
        return await self._variables.list(after=query.after, search=query.search, limit=query.limit)

    async def get(self, call: Call) -> Any:
        return await self._variables.get(call.path["name"])

    async def create(self, call: Call) -> Any:
        return await self._variables.create(call.body, call.caller)

    async def update(self, call: Call) -> Any:
        return await self._variables.update(call.path["name"], call.body, call.caller)

    async def delete(self, call: Call) -> None:
        await self._variables.delete(call.path["name"], call.caller)
