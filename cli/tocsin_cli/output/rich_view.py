"""Tables and fields for terminals. The only module, besides `top`, that imports rich for good."""

from rich import box
from rich.table import Table as RichTable
from rich.text import Text

from tocsin_cli.output.neutral import visible, visible_lines
from tocsin_cli.output.table import Cell, Fields, Styled, Table, text_of


def rich_table(table: Table) -> RichTable:
    """One line for each row, shortened with an ellipsis where the terminal is too narrow."""
    view = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for i, column in enumerate(table.columns):
        widest = max((len(text_of(row[i])) for row in table.rows), default=0)
        view.add_column(
            Text(column.title),
            justify="right" if column.is_number else "left",
            no_wrap=True,
            overflow="ellipsis",
            min_width=widest if column.is_kept else None,
        )
    for row in table.rows:
        view.add_row(*(_text(visible(text_of(cell)) or "-", cell) for cell in row))
    return view


def rich_fields(fields: Fields) -> RichTable:
    """Labels on the left, values wrapped on the right."""
    view = RichTable.grid(padding=(0, 2, 0, 0))
    view.add_column(style="bold", no_wrap=True)
    view.add_column(overflow="fold")
    for label, value in fields:
        view.add_row(Text(label), _text(visible_lines(text_of(value)), value))
    return view


def _text(words: str, cell: Cell) -> Text:
    return Text(words, style=cell.style if isinstance(cell, Styled) else "")
