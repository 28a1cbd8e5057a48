"""What all `ls` commands share: how many rows, and how they are printed."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from tocsin_cli.client import Params
from tocsin_cli.output.printer import Printer
from tocsin_cli.output.table import Table
from tocsin_cli.paging import pages
from tocsin_cli.session import Session

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_LIMIT = 50
#: Where `--all`, which is read first, leaves word for `--limit`.
_ALL = "tocsin_cli.all"


def limit_options(command: F) -> F:
    """`-n/--limit` and `--all`, which arrive as `limit`: a number, or None for everything."""
    command = click.option(
        "-n",
        "--limit",
        type=click.IntRange(min=1),
        default=DEFAULT_LIMIT,
        show_default=True,
        callback=lambda context, _, value: None if context.meta.get(_ALL) else value,
        help="At most so many rows.",
    )(command)
    return click.option(
        "--all",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=lambda context, _, value: context.meta.update({_ALL: value}),
        help="Every row there is.",
    )(command)


async def print_list(
    session: Session,
    path: str,
    params: Params,
    *,
    limit: int | None,
    table: Callable[[Printer, list[dict[str, Any]]], Table],
) -> None:
    """Print the first rows of a list. JSON is the API's pages as they are, one after the other."""
    rows: list[dict[str, Any]] = []
    has_more = False
    async for page in pages(session.api, path, params, limit=limit):
        if session.out.is_json:
            session.out.json(page)
        rows += page["data"]
        has_more = page["next"] is not None
    if session.out.is_json:
        return
    session.out.table(table(session.out, rows))
    if session.out.is_terminal and has_more:
        session.out.note(f"These are the first {len(rows)}; see more with --limit N or --all.")
