"""Tables and fields for terminals. The only module, besides the live view, that imports rich for good."""

from rich.cells import cell_len
from rich.table import Table as RichTable
from rich.text import Text

from tocsin_cli.output.fitting import fit_columns
from tocsin_cli.output.neutral import visible, visible_lines
from tocsin_cli.output.table import Cell, Fields, Styled, Table, text_of

_GAP = 2


def rich_table(table: Table, width: int) -> RichTable:
    """One line for each row, shortened with an ellipsis where the terminal is too narrow."""
    rows = [[_text(visible(text_of(cell)) or "-", cell) for cell in row] for row in table.rows]
    widths = [
        max([cell_len(column.title), *(cell_len(row[i].plain) for row in rows)])
        for i, column in enumerate(table.columns)
    ]
    kept = [column.is_kept or column.is_number for column in table.columns]
    view = RichTable(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for column, fitted in zip(
        table.columns, fit_columns(widths, kept, width - _GAP * (len(widths) - 1)), strict=True
    ):
        view.add_column(
            Text(column.title),
            justify="right" if column.is_number else "left",
            no_wrap=True,
            overflow="ellipsis",
            width=fitted,
        )
    for row in rows:
        view.add_row(*row)
    return view


def rich_fields(fields: Fields) -> RichTable:
    """Labels on the left, values wrapped on the right."""
    view = RichTable.grid(padding=(0, _GAP, 0, 0))
    view.add_column(style="bold", no_wrap=True)
    view.add_column(overflow="fold")
    for label, value in fields:
        view.add_row(Text(label), _text(visible_lines(text_of(value)), value))
    return view


def _text(words: str, cell: Cell) -> Text:
    return Text(words, style=cell.style if isinstance(cell, Styled) else "")
