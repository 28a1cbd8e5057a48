"""Prints answers the way this invocation wants them."""

import sys
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TextIO

import click

from tocsin_cli.output.neutral import terminal_line, visible, visible_lines
from tocsin_cli.output.plain import plain_fields, plain_table
from tocsin_cli.output.short_ids import shortener
from tocsin_cli.output.table import Fields, Table

if TYPE_CHECKING:
    from rich.console import Console

Format = Literal["table", "json"]


class Printer:
    """Standard output and standard error of one command."""

    def __init__(self, output: Format, *, colour: bool) -> None:
        self.is_json = output == "json"
        #: Whether people look at standard output right now, rather than a pipe or file.
        self.is_terminal = sys.stdout.isatty()
        self.colour = colour and self.is_terminal

    def json(self, value: Any) -> None:
        """The API's answer: indented for people, one line for programs."""
        click.echo(to_json(value, indent=self.is_terminal))

    def answer(self, value: Any, line: str) -> None:
        """The API's answer for programs, or what it means in one line for people."""
        if self.is_json:
            self.json(value)
        else:
            self.line(line)

    def json_line(self, value: Any) -> None:
        """One item of a stream, always on one line and at once."""
        click.echo(to_json(value, indent=False))
        sys.stdout.flush()

    def line(self, text: str = "") -> None:
        """One line of an answer, made harmless."""
        click.echo(visible(text))

    def styled_line(self, before: str, styled: str, after: str) -> None:
        """One line at once, of which the middle part is ours and may be coloured."""
        click.echo(f"{visible(before)}{styled}{visible(after)}", color=self.colour)
        sys.stdout.flush()

    def lines(self, text: str) -> None:
        """Several lines of an answer, made harmless."""
        click.echo(visible_lines(text))

    def raw(self, data: bytes, *, to_stderr: bool = False) -> None:
        """Bytes as they are; for files and pipes."""
        stream = sys.stderr if to_stderr else sys.stdout
        stream.flush()
        stream.buffer.write(data)
        stream.buffer.flush()

    def terminal_text(self, text: str, *, to_stderr: bool = False) -> None:
        """Output of a job on a terminal: colours pass when wanted, other control sequences do not."""
        for line in text.removesuffix("\n").split("\n"):
            click.echo(terminal_line(line, colour=self.colour), err=to_stderr, color=True)
        if self.colour and "\x1b[" in text:
            click.echo("\x1b[0m", nl=False, err=to_stderr, color=True)

    def note(self, text: str) -> None:
        """A remark beside the answer: on standard error, so it never ends up in a file by accident."""
        click.echo(visible(text), err=True)

    def table(self, table: Table) -> None:
        """A table that fits the terminal, or whole columns when there is none."""
        if not table.rows:
            self.note(table.when_empty)
        elif self.is_terminal:
            from tocsin_cli.output.rich_view import rich_table

            self.console.print(rich_table(table, self.console.width))
        else:
            click.echo(plain_table(table), nl=False)

    def fields(self, fields: Fields) -> None:
        """Labelled values, one below the other."""
        if self.is_terminal:
            from tocsin_cli.output.rich_view import rich_fields

            self.console.print(rich_fields(fields))
        else:
            click.echo(plain_fields(fields), nl=False)

    def heading(self, text: str) -> None:
        """Introduces a part of an answer."""
        click.echo()
        click.echo(click.style(visible(text), bold=True) if self.colour else visible(text))

    def shown_id(self, text: str, among: Iterable[str]) -> str:
        """An id in a table: short but unique among the others on a terminal, whole elsewhere."""
        return text[: shortener(among)] if self.is_terminal else text

    @cached_property
    def console(self) -> "Console":
        """Rich's view of standard output."""
        return console_for(sys.stdout, colour=self.colour)


def console_for(file: TextIO, *, colour: bool) -> "Console":
    """A rich console without its guesses: no markup, no emoji codes, no highlighting of numbers."""
    from rich.console import Console

    return Console(file=file, no_color=not colour, markup=False, emoji=False, highlight=False)


def to_json(value: Any, *, indent: bool) -> str:
    """JSON with the keys in the API's order."""
    import orjson

    return orjson.dumps(value, option=orjson.OPT_INDENT_2 if indent else None).decode()
