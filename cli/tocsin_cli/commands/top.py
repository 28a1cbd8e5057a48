"""`tocsin top`."""

import dataclasses

import click

from tocsin_cli.command import Command, connected
from tocsin_cli.fleet import look_at_fleet
from tocsin_cli.output.fleet import agents_part, finished_part, running_part, totals
from tocsin_cli.session import Session


@click.command("top", cls=Command, examples=["tocsin top", "tocsin top --once", "tocsin top --interval 5"])
@click.option("--once", is_flag=True, help="Print one frame and end; also what happens without a terminal.")
@click.option(
    "--interval",
    type=click.FloatRange(min=0.5),
    default=2.0,
    show_default=True,
    help="Seconds between frames.",
)
@connected
async def top(session: Session, once: bool, interval: float) -> None:
    """Watch the fleet: agents with their slots and load, what runs, and what ended last. q or Ctrl-C quits."""
    if session.out.is_terminal and not once and not session.out.is_json:
        from tocsin_cli.live_view import watch

        await watch(session.api, session.out, interval_secs=interval)
        return
    fleet = await look_at_fleet(session.api, rows=20)
    if session.out.is_json:
        session.out.json(dataclasses.asdict(fleet))
        return
    session.out.line(totals(fleet))
    parts = {"Agents": agents_part, "Running": running_part, "Last finished": finished_part}
    for title, part in parts.items():
        table = part(fleet)
        session.out.heading(title)
        if table.rows:
            session.out.table(table)
        else:
            session.out.line(table.when_empty)
