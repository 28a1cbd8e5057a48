"""Tables and fields for terminals. The only module, besides the live view, that imports rich for good."""

from rich.cells import cell_len
from rich.table import Table as RichTable
from rich.text import Text

from tocsin_cli.output.fitting import fit_columns, least_width
from tocsin_cli.output.neutral import visible, visible_lines
from tocsin_cli.output.table import Cell, Fields, Styled, Table, text_of

_GAP = 2


def rich_table(table: Table, width: int) -> RichTable:
    """One line for each row; on a narrow terminal without extra columns, then with shortened cells."""
    rows = [[_text(visible(text_of(cell)) or "-", cell) for cell in row] for row in table.rows]
    natural = [
        max([cell_len(column.title), *(cell_len(row[i].plain) for row in rows)])
        for i, column in enumerate(table.columns)
    ]
    shown, widths = _shown_columns(table, natural, width)
    view = RichTable(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for i, fitted in zip(shown, widths, strict=True):
        column = table.columns[i]
        view.add_column(
            Text(column.title),
            justify="right" if column.is_number else "left",
            no_wrap=True,
            overflow="ellipsis",
            width=fitted,
        )
    for row in rows:
        view.add_row(*(row[i] for i in shown))
    return view


def rich_fields(fields: Fields) -> RichTable:
    """Labels on the left, values wrapped on the right."""
    view = RichTable.grid(padding=(0, _GAP, 0, 0))
    view.add_column(style="bold", no_wrap=True)
    view.add_column(overflow="fold")
    for label, value in fields:
        view.add_row(Text(label), _text(visible_lines(text_of(value)), value))
    return view


def _shown_columns(table: Table, natural: list[int], width: int) -> tuple[list[int], list[int]]:
    """Which columns there is room for, and how wide each of them is."""
    shown = list(range(len(table.columns)))
    while True:
        widths = [natural[i] for i in shown]
        kept = [table.columns[i].is_kept or table.columns[i].is_number for i in shown]
        available = width - _GAP * (len(shown) - 1)
        extra = [i for i in shown if table.columns[i].is_extra]
        if not extra or least_width(widths, kept) <= available:
            return shown, fit_columns(widths, kept, available)
        shown.remove(extra[-1])


def _text(words: str, cell: Cell) -> Text:
    return Text(words, style=cell.style if isinstance(cell, Styled) else "")
