"""`tocsin outbox`."""

from typing import Any

import click

from tocsin_cli.client import path_of
from tocsin_cli.command import Command, Group, connected
from tocsin_cli.confirming import confirm, yes_option
from tocsin_cli.lookup import for_each
from tocsin_cli.output.table import Column, Table
from tocsin_cli.output.times import local_time
from tocsin_cli.session import Session

_PATH = ("admin", "outbox")
_COLUMNS = (
    Column("Id", is_kept=True),
    Column("Kind", is_kept=True),
    Column("Since"),
    Column("Tries", is_number=True),
    Column("Last error"),
)


@click.group(cls=Group)
def outbox() -> None:
    """Show what could not be done after many tries, and have it tried again. Needs an admin's key."""


@outbox.command("ls", cls=Command, examples=["tocsin outbox ls"])
@connected
async def ls(session: Session) -> None:
    """List what was set aside, newest first."""
    rows: list[dict[str, Any]] = await session.api.get(path_of(*_PATH))
    if session.out.is_json:
        session.out.json(rows)
        return
    table = Table(_COLUMNS, when_empty="Nothing was set aside.")
    for row in rows:
        since = local_time(row["set_aside_at"])
        table.add(row["id"], row["kind"], since, str(row["attempts"]), row["last_error"] or "-")
    session.out.table(table)


@outbox.command("retry", cls=Command, examples=["tocsin outbox retry 0190c5f1-7f3a-7000-8000-000000000001"])
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@connected
async def retry(session: Session, ids: tuple[str, ...]) -> int:
    """Have entries tried again, now."""

    async def try_again(entry_id: str) -> None:
        await session.api.post(path_of(*_PATH, entry_id, "retry"))
        if not session.out.is_json:
            session.out.line(f"{entry_id} is tried again")

    return await for_each(ids, try_again)


@outbox.command("rm", cls=Command, examples=["tocsin outbox rm 0190c5f1-7f3a-7000-8000-000000000001 --yes"])
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@yes_option
@connected
async def rm(session: Session, ids: tuple[str, ...], yes: bool) -> int:
    """Have entries never done."""

    async def remove(entry_id: str) -> None:
        confirm(f"Never do what {entry_id} stands for?", yes=yes)
        await session.api.delete(path_of(*_PATH, entry_id))
        if not session.out.is_json:
            session.out.line(f"removed {entry_id}")

    return await for_each(ids, remove)
