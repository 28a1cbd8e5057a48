"""Tables and fields for pipes and files: aligned columns, nothing shortened, no colour, no lines drawn."""

from tocsin_cli.output.neutral import visible, visible_lines
from tocsin_cli.output.table import Fields, Table, text_of


def plain_table(table: Table) -> str:
    """Titles in capitals, then a line for each row."""
    lines = [[column.title.upper() for column in table.columns]]
    lines += [[visible(text_of(cell)) or "-" for cell in row] for row in table.rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(table.columns))]
    return "".join(
        "  ".join(
            cell.rjust(width) if column.is_number else cell.ljust(width)
            for cell, width, column in zip(line, widths, table.columns, strict=True)
        ).rstrip()
        + "\n"
        for line in lines
    )


def plain_fields(fields: Fields) -> str:
    """`Label:  value`; further lines of a value are indented below it."""
    width = max((len(label) for label, _ in fields), default=0) + 3
    return "".join(
        f"{label + ':':<{width}}" + visible_lines(text_of(value)).replace("\n", "\n" + " " * width) + "\n"
        for label, value in fields
    )
