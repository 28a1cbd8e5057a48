"""`tocsin connections`."""

from typing import Any

import click

from tocsin_cli.client import path_of
from tocsin_cli.command import Group, connected
from tocsin_cli.completing import complete_agent, complete_connection
from tocsin_cli.confirming import confirm, yes_option
from tocsin_cli.connection_config import Said, said_options
from tocsin_cli.lookup import for_each
from tocsin_cli.manifests import write_document
from tocsin_cli.output.table import Column, Table
from tocsin_cli.output.times import local_time
from tocsin_cli.paging import rows_by_name
from tocsin_cli.session import Session

Json = dict[str, Any]

_COLUMNS = (
    Column("Name", is_kept=True),
    Column("Type"),
    Column("Jobs"),
    Column("Description"),
    Column("Changed", is_extra=True),
)
#: Longer than a controller waits for an agent.
_LONGEST_TRIAL_SECS = 90.0


@click.group(cls=Group)
def connections() -> None:
    """Show, make, change and try the servers that tasks name.

    Secrets are asked for, or read from a file or standard input; the command line is no place for them, because
    everybody who can list processes sees it.
    """


@connections.command("ls", examples=["tocsin connections ls", "tocsin connections ls --search prod -o json"])
@click.option("--search", metavar="TEXT", help="Only names that hold this, in any case of letters.")
@connected
async def ls(session: Session, search: str | None) -> None:
    """List connections by name."""
    found = await rows_by_name(session.api, "/api/connections", {"search": search})
    if session.out.is_json:
        session.out.json(found)
        return
    table = Table(_COLUMNS, when_empty="No connections.")
    for one in found:
        about = one.get("unreadable") or one["description"] or ""
        table.add(one["name"], one["conn_type"], str(len(one["jobs"])), about, local_time(one["updated_at"]))
    session.out.table(table)


@connections.command("get", examples=["tocsin connections get prod-db"])
@click.argument("name", shell_complete=complete_connection)
@connected
async def get(session: Session, name: str) -> None:
    """Print a connection. Secrets are shown as a mask."""
    found: Json = await session.api.get(path_of("connections", name))
    if session.out.is_json:
        session.out.json(found)
    else:
        session.out.lines(write_document(found).removesuffix("\n"))


@connections.command(
    "create",
    examples=[
        "tocsin connections create prod-db postgres --secret connection_string",
        "tocsin connections create files sftp host=f.example.com username=app --secret-file private_key=id_ed25519",
        "pass show ftp | tocsin connections create archive ftp host=f.example.com --secret password",
        "tocsin connections create broker kafka -f kafka.yaml --secret password",
    ],
)
@click.argument("name")
@click.argument("conn_type", metavar="TYPE")
@said_options
@click.option("--description", metavar="TEXT", help="What it is for.")
@connected
async def create(session: Session, name: str, conn_type: str, said: Said, description: str | None) -> None:
    """Make a connection of TYPE from KEY=VALUE pairs; docs/connections.md lists the keys of each type."""
    body: Json = {"name": name, "conn_type": conn_type, "config": said.config(conn_type)}
    if description is not None:
        body["description"] = description
    made = await session.api.post("/api/connections", body)
    session.out.answer(made, f"created {name}")


@connections.command(
    "update",
    examples=[
        "tocsin connections update files host=g.example.com --clear port",
        "tocsin connections update api --secret token",
        "tocsin connections update api --description 'the new vendor'",
    ],
)
@click.argument("name", shell_complete=complete_connection)
@said_options
@click.option("--clear", metavar="KEY", multiple=True, help="Take this key out; may be repeated.")
@click.option(
    "--type", "conn_type", metavar="TYPE", help="Another type; keys that it does not have are dropped."
)
@click.option("--description", metavar="TEXT", help="What it is for; empty takes it away.")
@connected
async def update(
    session: Session,
    name: str,
    said: Said,
    clear: tuple[str, ...],
    conn_type: str | None,
    description: str | None,
) -> None:
    """Change a connection. Keys that are not named stay as they are, secrets too."""
    kind = conn_type or (await session.api.get(path_of("connections", name)))["conn_type"]
    body: Json = {"config": {**dict.fromkeys(clear), **said.config(kind)}}
    if conn_type is not None:
        body["conn_type"] = conn_type
    if description is not None:
        body["description"] = description or None
    changed = await session.api.put(path_of("connections", name), body)
    session.out.answer(changed, f"changed {name}")


@connections.command(
    "rm", examples=["tocsin connections rm old-db", "tocsin connections rm a b --yes --force"]
)
@click.argument("names", metavar="NAME...", nargs=-1, required=True, shell_complete=complete_connection)
@click.option("--force", is_flag=True, help="Although jobs use it: they fail from then on (bad_connection).")
@yes_option
@connected
async def rm(session: Session, names: tuple[str, ...], force: bool, yes: bool) -> int:
    """Delete connections. One that jobs use is not deleted."""

    async def remove(name: str) -> None:
        confirm(f"Delete connection {name}?", yes=yes)
        await session.api.delete(path_of("connections", name) + ("?force=true" if force else ""))
        if not session.out.is_json:
            session.out.line(f"deleted {name}")

    return await for_each(names, remove)


@connections.command(
    "test", examples=["tocsin connections test prod-db", "tocsin connections test prod-db --agent web-1"]
)
@click.argument("name", shell_complete=complete_connection)
@click.option(
    "--agent",
    metavar="AGENT",
    shell_complete=complete_agent,
    help="From the host of this agent, by name or id.",
)
@connected
async def test(session: Session, name: str, agent: str | None) -> int:
    """Have the controller, or an agent, connect and log in; fails when it can't."""
    tried: Json = await session.api.post(
        path_of("connections", name) + "/test",
        {"agent": agent} if agent is not None else None,
        timeout_secs=_LONGEST_TRIAL_SECS,
    )
    session.out.answer(tried, tried["message"])
    return 0 if tried["success"] else 1
