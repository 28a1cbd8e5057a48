"""Explanations, as people read them."""

from typing import Any

from tocsin_cli.output.printer import Printer
from tocsin_cli.output.table import Cell, Column, Styled, Table
from tocsin_cli.output.times import age, time_and_age

Json = dict[str, Any]

_COLUMNS = (Column("About", is_kept=True), Column("Finding"), Column("Since", is_extra=True), Column("Until"))
_ABOUT: dict[str, Cell] = {
    "origin": Styled("ran because", "dim"),
    "waits": Styled("waits", "yellow"),
    "now": Styled("now", "cyan"),
    "not_run": Styled("did not run", "yellow"),
    "ended": "ended",
    "due": "due",
    "hinders": Styled("in the way", "yellow"),
}


def print_why(out: Printer, found: Json) -> None:
    """The summary, then every finding."""
    if out.is_json:
        out.json(found)
        return
    out.line(f"{found['job_name'] or found['job_id']}: {found['summary']}")
    table = Table(_COLUMNS)
    for one in found["findings"]:
        since = age(one["since"]) if one["since"] else ""
        until = time_and_age(one["until"]) if one["until"] else ""
        table.add(_ABOUT.get(one["about"], one["about"]), one["message"], since, until)
    out.table(table)
    if "would_run_now" in found:
        out.line("It would run now." if found["would_run_now"] else "It would not run right now.")
