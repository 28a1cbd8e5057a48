"""`tocsin mcp`."""

from typing import Any

import click

from tocsin_cli.command import Group, connected
from tocsin_cli.output.table import Column, Table
from tocsin_cli.session import Session

Json = dict[str, Any]

_COLUMNS = (
    Column("Tool", is_kept=True),
    Column("Takes"),
    Column("What it does"),
)


@click.group(cls=Group)
def mcp() -> None:
    """Ask MCP servers for their tools, which tasks of type `mcp` call."""


@mcp.command(
    "tools",
    examples=[
        "tocsin mcp tools https://tools.example.com/mcp",
        "tocsin mcp tools --connection tickets -o json",
    ],
)
@click.argument("server_url", metavar="[URL]", required=False)
@click.option(
    "--connection", metavar="NAME", help="A connection of type http: address, credentials, TLS options."
)
@connected
async def tools(session: Session, server_url: str | None, connection: str | None) -> None:
    """Show the tools of an MCP server, as the controller sees it. Arguments in brackets may be left out."""
    if not server_url and not connection:
        raise click.UsageError("give the server's URL, or a --connection")
    params = {"server_url": server_url, "connection": connection}
    found: Json = await session.api.get("/api/mcp/tools", {k: v for k, v in params.items() if v})
    if session.out.is_json:
        session.out.json(found["tools"])
        return
    table = Table(_COLUMNS, when_empty="This server has no tools.")
    for tool in found["tools"]:
        about = str(tool.get("description") or tool.get("title") or "").strip().partition("\n")[0]
        table.add(str(tool.get("name", "?")), _takes(tool.get("inputSchema")), about)
    session.out.table(table)


def _takes(schema: Any) -> str:
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict):
        return ""
    required = schema.get("required")
    must = required if isinstance(required, list) else []
    return " ".join(name if name in must else f"[{name}]" for name in properties)
