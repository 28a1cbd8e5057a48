"""The moving picture of `tocsin top`: draws frames on the whole terminal until somebody presses q."""

import asyncio
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import ConsoleDimensions, Group, RenderableType
from rich.live import Live
from rich.text import Text

from tocsin_cli.client import Client
from tocsin_cli.failures import Unreachable
from tocsin_cli.fleet import Fleet, look_at_fleet
from tocsin_cli.output.fleet import agents_part, finished_part, running_part, totals
from tocsin_cli.output.printer import Printer
from tocsin_cli.output.rich_view import rich_table
from tocsin_cli.output.table import Table
from tocsin_cli.output.times import utc_now

#: Lines that are no rows: the head, and the titles and lines of three tables.
_FURNITURE = 3 + 3 * 4
_MAX_ROWS = 100


async def watch(api: Client, out: Printer, *, interval_secs: float) -> None:
    """Draw a frame every `interval_secs` until q or Ctrl-C. A controller that is away is shown as that."""
    fleet: Fleet | None = None
    with _keys() as pressed, Live(console=out.console, screen=True, auto_refresh=False) as live:
        while not pressed.is_set():
            trouble = ""
            try:
                fleet = await look_at_fleet(api, rows=_MAX_ROWS)
            except Unreachable as failure:
                trouble = str(failure)
            live.update(_frame(api.url, fleet, trouble, out.console.size), refresh=True)
            try:
                async with asyncio.timeout(interval_secs):
                    await pressed.wait()
            except TimeoutError:
                continue


def _frame(url: str, fleet: Fleet | None, trouble: str, size: ConsoleDimensions) -> RenderableType:
    now = utc_now().astimezone().strftime("%H:%M:%S")
    parts: list[RenderableType] = [Text(f"tocsin top   {url}   {now}   q quits", style="bold", no_wrap=True)]
    if trouble:
        parts.append(Text(trouble, style="red"))
    if fleet is None:
        return Group(*parts)
    parts.append(Text(totals(fleet), no_wrap=True))
    tables = [agents_part(fleet), running_part(fleet), finished_part(fleet)]
    for title, table, rows in zip(
        ("Agents", "Running", "Last finished"),
        tables,
        share_rows([len(table.rows) for table in tables], max(size.height - _FURNITURE, 3)),
        strict=True,
    ):
        hidden = len(table.rows) - rows
        more = f" ({hidden} more)" if hidden else ""
        parts += [Text(), Text(title + more, style="bold underline"), _body(table, rows, size.width)]
    return Group(*parts)


def share_rows(wanted: list[int], there: int) -> list[int]:
    """How many rows each table gets when they do not all fit: nobody gets more while another has less than a share.

    >>> share_rows([2, 50, 50], 22)
    [2, 10, 10]
    """
    given = [0] * len(wanted)
    while there > 0 and given != wanted:
        for i, rows in enumerate(wanted):
            if given[i] < rows and there > 0:
                given[i] += 1
                there -= 1
    return given


def _body(table: Table, rows: int, width: int) -> RenderableType:
    if not table.rows:
        return Text(table.when_empty, style="dim")
    return rich_table(Table(table.columns, table.rows[:rows]), width)


@contextmanager
def _keys() -> Iterator[asyncio.Event]:
    """An event that is set when q is pressed; keys come at once and unseen meanwhile."""
    pressed = asyncio.Event()
    if not sys.stdin.isatty():
        yield pressed
        return
    handle = sys.stdin.fileno()
    before = termios.tcgetattr(handle)
    loop = asyncio.get_running_loop()

    def read() -> None:
        if sys.stdin.read(1) in ("q", "Q", ""):
            pressed.set()

    tty.setcbreak(handle)
    loop.add_reader(handle, read)
    try:
        yield pressed
    finally:
        loop.remove_reader(handle)
        termios.tcsetattr(handle, termios.TCSADRAIN, before)
