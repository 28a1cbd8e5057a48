"""`tocsin audit`."""

from typing import Any

import click

from tocsin_cli.command import Command, connected
from tocsin_cli.listing import limit_options, print_list
from tocsin_cli.output.printer import Printer
from tocsin_cli.output.table import Column, Table
from tocsin_cli.output.times import local_time
from tocsin_cli.session import Session

Json = dict[str, Any]

_COLUMNS = (
    Column("Time", is_kept=True),
    Column("Actor", is_kept=True),
    Column("Address", is_extra=True),
    Column("Operation", is_kept=True),
    Column("Resource", is_extra=True),
    Column("Details"),
)


@click.command(
    "audit",
    cls=Command,
    examples=[
        "tocsin audit",
        "tocsin audit --operation job.updated --actor deploy-bot",
        "tocsin audit --since 2026-03-01T00:00:00Z --all -o json",
    ],
)
@click.option("--operation", metavar="NAME", help="Only this one, such as job.updated or key.created.")
@click.option("--actor", metavar="TEXT", help="Only by keys with this in their name.")
@click.option("--since", metavar="INSTANT", help="Only from then on, such as 2026-03-01T00:00:00Z.")
@limit_options
@connected
async def audit(
    session: Session, operation: str | None, actor: str | None, since: str | None, limit: int | None
) -> None:
    """Show who changed what, newest first. Needs an admin's key."""
    params = {"operation": operation, "actor": actor, "since": since}
    await print_list(session, "/api/audit-log", params, limit=limit, table=_table)


def _table(_: Printer, rows: list[Json]) -> Table:
    table = Table(_COLUMNS, when_empty="Nothing was changed.")
    for row in rows:
        resource = " ".join(filter(None, (row["resource_type"], row["resource_id"])))
        table.add(
            local_time(row["timestamp"]),
            row["actor_key_name"],
            row["actor_address"] or "",
            row["operation"],
            resource,
            row["details"] or "",
        )
    return table
