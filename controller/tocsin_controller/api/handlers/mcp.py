"""The route that asks an MCP server for its tools."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.api.table import Call, Route
from tocsin_controller.security.roles import READERS, WRITERS
from tocsin_controller.services.connections import ConnectionService
from tocsin_controller.services.mcp_tools import tools_of
from tocsin_shared.connections.naming import ConnectionName
from tocsin_shared.errors import Forbidden, InvalidInput
from tocsin_shared.mcp import McpTools
from tocsin_shared.tasks.fields import of_scheme
from tocsin_shared.wire import Model, Text


class ToolsQuery(Model):
    """Which server."""

    model_config = ConfigDict(extra="forbid")

    server_url: Annotated[Text, of_scheme("http", "https")] = Field(
        "", max_length=8_192, description="Address of the server; may be left out with a connection."
    )
    connection: ConnectionName | None = Field(
        None, description="A connection of type `http`: address, credentials, TLS options. For writers only."
    )


class McpRoutes:
    """Discovery for `mcp` tasks."""

    def __init__(self, parts: Parts) -> None:
        self._reach = parts.engine.reach
        self._connections = ConnectionService(parts.db, parts.engine.hints, parts.engine.vault)

    def routes(self) -> list[Route]:
        """In the order in which paths are tried."""
        return [
            Route(
                "GET", "/api/mcp/tools", self.tools, "Ask an MCP server which tools it has", READERS, "tasks",
                query=ToolsQuery, response=McpTools,
            ),
        ]  # fmt: skip

    async def tools(self, call: Call) -> Any:
        query: ToolsQuery = call.query
        if query.connection is None:
            if not query.server_url:
                raise InvalidInput.field("server_url", "is required when there is no connection")
            connection = None
        elif call.caller.role not in WRITERS:
            raise Forbidden("this key's role may not use connections")
        else:
            connection = await self._connections.usable(query.connection)
        return {"tools": await tools_of(self._reach, query.server_url, connection)}
