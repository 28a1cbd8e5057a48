"""Asks before something can't be undone."""

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from tocsin_cli.output.neutral import visible

F = TypeVar("F", bound=Callable[..., Any])


def yes_option(command: F) -> F:
    """`-y/--yes`, which arrives as `yes`."""
    return click.option("-y", "--yes", is_flag=True, help="Do not ask.")(command)


def confirm(question: str, *, yes: bool) -> None:
    """Go on, or end the command; without a terminal there is nobody to ask. Raises click.Abort."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"{visible(question)} There is nobody to ask here; say --yes.")
    click.confirm(visible(question), abort=True, err=True)
