"""Which agents a target means, as a table."""

from typing import Any

from tocsin_cli.output.printer import Printer
from tocsin_cli.output.table import Cell, Column, Styled, Table
from tocsin_cli.output.times import age

Json = dict[str, Any]

_COLUMNS = (
    Column("Agent", is_kept=True),
    Column("Verdict", is_kept=True),
    Column("Why"),
    Column("Tags", is_extra=True),
)


def print_explanation(out: Printer, found: Json) -> None:
    """One line for each agent, then how many they are."""
    if out.is_json:
        out.json(found)
        return
    table = Table(_COLUMNS, when_empty="There are no agents.")
    for agent in found["agents"]:
        table.add(agent["name"], _verdict(agent), _why(agent), ", ".join(agent["tags"]))
    out.table(table)
    if found["left_out"]:
        out.note(f"{found['left_out']} more agents are not listed")
    each = "each of them" if found["is_fan_out"] else "whichever of them is free first"
    out.line(f"{found['matching']} match ({each}), {found['ready']} ready for {found['task_type']} tasks now")


def _verdict(agent: Json) -> Cell:
    if agent["is_ready"]:
        return Styled("ready", "green")
    return Styled("waits", "yellow") if agent["matches"] else Styled("no match", "dim")


def _why(agent: Json) -> str:
    return "; ".join(
        one["message"] + (f" since {age(one['since'])}" if one.get("since") else "")
        for one in agent["hindrances"]
    )
