"""What is known of MCP servers."""

from typing import Any

from tocsin_shared.wire import Model


class McpTools(Model):
    """The tools of a server."""

    #: As the server describes them: `name`, `description`, `inputSchema`, ...
    tools: list[dict[str, Any]]
