"""`tocsin events`."""

from contextlib import aclosing
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which events are shown."""

    severities: tuple[str, ...]
    kinds: tuple[str, ...]

    def __call__(self, event: Json) -> bool:
        fits_severity = not self.severities or event["severity"] in self.severities
        return fits_severity and (not self.kinds or event["kind"] in self.kinds)


@click.command(
    "events",
    cls=Command,
    examples=[
        "tocsin events",
        "tocsin events -f --severity error",
        "tocsin events -f -o json | jq -r .message",
    ],
)
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens from now on.")
@click.option(
    "--severity",
    "severities",
    type=click.Choice(["info", "success", "warning", "error"]),
    multiple=True,
    help="Only these; repeatable.",
)
@click.option(
    "--kind", "kinds", metavar="KIND", multiple=True, help="Only these, such as agent.offline; repeatable."
)
@limit_options
@connected
async def events(
    session: Session,
    /,
    follow: bool,
    severities: tuple[str, ...],
    kinds: tuple[str, ...],
    limit: int | None,
) -> None:
    """Show what happened last, oldest first. As JSON each event is a line of its own."""
    wanted = _Wanted(severities, kinds)
    rows, seen = await _newest(session, wanted, limit)
    if follow or session.out.is_json:
        for row in rows:
            _print_line(session, row)
    else:
        session.out.table(_table(rows))
    if follow:
        await _follow(session, wanted, seen)


async def _newest(session: Session, wanted: _Wanted, limit: int | None) -> tuple[list[Json], str]:
    """The newest events that are wanted, oldest first, and the id of the newest event of all."""
    rows: list[Json] = []
    seen = ""
    ask_for = limit if wanted == _Wanted((), ()) else None
    async with aclosing(pages(session.api, "/api/events", {}, limit=ask_for)) as answers:
        async for page in answers:
            if not seen and page["data"]:
                seen = page["data"][0]["id"]
            rows += filter(wanted, page["data"])
            if limit is not None and len(rows) >= limit:
                break
    return rows[:limit][::-1], seen


async def _follow(session: Session, wanted: _Wanted, seen: str) -> None:
    import orjson

    from tocsin_cli.streaming import follow

    async with aclosing(follow(session.api, "/api/events/stream", last_id=seen)) as stream:
        async for event in stream:
            row = orjson.loads(event.data)
            if wanted(row):
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
