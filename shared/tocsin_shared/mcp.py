"""What is known of MCP servers."""

from typing import Any

from pydantic import BaseModel


class McpTools(BaseModel):
    """The tools of a server."""

    #: As the server describes them: `name`, `description`, `inputSchema`, ...
    tools: list[dict[str, Any]]
