"""`tocsin events`."""

from typing import Any

import click

from tocsin_cli.command import Command, connected
from tocsin_cli.listing import limit_options
from tocsin_cli.output.table import Column, Table, status
from tocsin_cli.output.times import local_time
from tocsin_cli.paging import pages
from tocsin_cli.session import Session

Json = dict[str, Any]

_COLUMNS = (
    Column("Time", is_kept=True),
    Column("Severity"),
    Column("Kind", is_extra=True),
    Column("Message"),
)


@click.command(
    "events",
    cls=Command,
    examples=["tocsin events", "tocsin events -f", "tocsin events -f -o json | jq -r .message"],
)
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens from now on.")
@click.option("--severity", type=click.Choice(["info", "success", "warning", "error"]), help="Only these.")
@click.option("--kind", metavar="KIND", help="Only these, such as execution.completed.")
@limit_options
@connected
async def events(
    session: Session, follow: bool, severity: str | None, kind: str | None, limit: int | None
) -> None:
    """Show what happened, oldest first."""
    params = {"severity": severity, "kind": kind}
    shown: set[str] = set()
    rows: list[Json] = []
    async for page in pages(session.api, "/api/events", params, limit=limit):
        if session.out.is_json and not follow:
            session.out.json(page)
        rows += page["data"]
    rows.reverse()
    if follow:
        for row in rows:
            _print_line(session, row)
            shown.add(row["id"])
        await _follow(session, params, shown)
    elif not session.out.is_json:
        session.out.table(_table(rows))


async def _follow(session: Session, params: dict[str, str | None], shown: set[str]) -> None:
    from contextlib import aclosing

    import orjson

    from tocsin_cli.streaming import follow

    async with aclosing(follow(session.api, "/api/events/stream", params=params)) as stream:
        async for event in stream:
            row = orjson.loads(event.data)
            if row["id"] not in shown:
                _print_line(session, row)


def _print_line(session: Session, event: Json) -> None:
    """One event on a line of its own, at once."""
    if session.out.is_json:
        session.out.json_line(event)
        return
    severity = str(event["severity"])
    word = f"{severity:<7}"
    if session.out.colour and (style := status(severity).style) in ("red", "green", "yellow"):
        word = click.style(word, fg=style)
    session.out.styled_line(
        f"{local_time(event['timestamp'])}  ", word, f"  {event['kind']}: {event['message']}"
    )


def _table(rows: list[Json]) -> Table:
    table = Table(_COLUMNS, when_empty="No events.")
    for row in rows:
        table.add(local_time(row["timestamp"]), status(row["severity"]), row["kind"], row["message"])
    return table
