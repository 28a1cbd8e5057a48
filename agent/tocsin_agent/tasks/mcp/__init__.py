"""Tools of MCP servers, over Streamable HTTP: the runner of `mcp` tasks and the client that it shares with others."""
