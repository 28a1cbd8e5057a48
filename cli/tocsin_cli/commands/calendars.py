"""`tocsin calendars`."""

from datetime import UTC, datetime
from typing import Any

import click

from tocsin_cli.client import path_of
from tocsin_cli.command import Command, Group, connected
from tocsin_cli.confirming import confirm, yes_option
from tocsin_cli.failures import Failure
from tocsin_cli.lookup import for_each
from tocsin_cli.output.table import Column, Table
from tocsin_cli.session import Session

_COLUMNS = (
    Column("Name", is_kept=True),
    Column("Holidays of"),
    Column("Dates", is_number=True),
    Column("Windows", is_number=True),
    Column("Jobs", is_number=True),
    Column("Description", is_extra=True),
)


@click.group(cls=Group)
def calendars() -> None:
    """Show, save and delete days off and blackouts that jobs share."""


@calendars.command("ls", cls=Command, examples=["tocsin calendars ls"])
@connected
async def ls(session: Session) -> None:
    """List calendars by name."""
    rows: list[dict[str, Any]] = await session.api.get("/api/calendars")
    if session.out.is_json:
        session.out.json(rows)
        return
    table = Table(_COLUMNS, when_empty="No calendars. Make one with: tocsin calendars save NAME -f FILE")
    for row in rows:
        sets = ", ".join(
            one["country"] + (f"-{one['subdivision']}" if one["subdivision"] else "")
            for one in row["holidays"]
        )
        counts = (str(len(row[key])) for key in ("dates", "windows", "jobs"))
        table.add(row["name"], sets or "-", *counts, row["description"] or "-")
    session.out.table(table)


@calendars.command("show", cls=Command, examples=["tocsin calendars show bank"])
@click.argument("name")
@connected
async def show(session: Session, name: str) -> None:
    """Print what a calendar holds."""
    from tocsin_cli.manifests import write_document

    row: dict[str, Any] = await session.api.get(path_of("calendars", name))
    if session.out.is_json:
        session.out.json(row)
        return
    jobs = f"# used by {', '.join(row['jobs'])}\n" if row["jobs"] else ""
    left_out = {"name", "jobs", "created_by", "created_at", "updated_by", "updated_at"}
    document = {key: value for key, value in row.items() if key not in left_out}
    session.out.lines(f"{jobs}{write_document(document)}".removesuffix("\n"))


@calendars.command("days", cls=Command, examples=["tocsin calendars days bank --year 2026"])
@click.argument("name")
@click.option("--year", type=click.IntRange(1970, 2150), help="This year by default.")
@connected
async def days(session: Session, name: str, year: int | None) -> None:
    """List the days off of a year."""
    query = {"year": year or datetime.now(UTC).year}
    rows: list[dict[str, Any]] = await session.api.get(path_of("calendars", name, "days"), query)
    if session.out.is_json:
        session.out.json(rows)
        return
    table = Table((Column("Date", is_kept=True), Column("Day off")), when_empty="No days off.")
    for row in rows:
        table.add(row["date"], row["name"])
    session.out.table(table)


@calendars.command("save", cls=Command, examples=["tocsin calendars save bank -f bank.yaml"])
@click.argument("name")
@click.option(
    "-f", "--file", "source", metavar="FILE", required=True, help="YAML or JSON; - is standard input."
)
@connected
async def save(session: Session, name: str, source: str) -> None:
    """Save a calendar, or replace the one of this name. Jobs that refer to it are rescheduled."""
    row = await session.api.put(path_of("calendars", name), _read(source))
    session.out.answer(row, f"saved calendar {row['name']}")


@calendars.command("rm", cls=Command, examples=["tocsin calendars rm old-freeze --yes"])
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@yes_option
@connected
async def rm(session: Session, names: tuple[str, ...], yes: bool) -> int:
    """Delete calendars that no job refers to."""

    async def remove(name: str) -> None:
        confirm(f"Delete calendar {name}?", yes=yes)
        await session.api.delete(path_of("calendars", name))
        if not session.out.is_json:
            session.out.line(f"deleted calendar {name}")

    return await for_each(names, remove)


def _read(source: str) -> dict[str, Any]:
    from tocsin_cli.manifests import read_source

    documents = read_source(source)
    if len(documents) != 1:
        raise Failure("the file must hold one calendar")
    return documents[0]
