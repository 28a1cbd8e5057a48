"""Rows as columns that line up, without knowing all of them before the first is printed."""

import unicodedata
from collections.abc import Sequence

from tocsin_agent.tasks.sql.values import as_text, is_number

#: The widths are those of so many rows; wider values that come later stand out.
MEASURED_ROWS = 100
MEASURED_CHARS = 1_000_000
#: No column is made wider than this for what it holds.
MOST_WIDTH = 200


class Table:
    """The rows of one statement."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = [as_text(name) for name in columns]
        self._waiting: list[list[str]] = []
        self._chars = 0
        self._is_number = [True] * len(columns)
        self._widths: list[int] | None = None

    def row(self, values: Sequence[object], texts: list[str]) -> str:
        """What can be printed now that there is this row: lines, or nothing yet."""
        if self._widths is not None:
            return self._line(texts)
        for at, value in enumerate(values):
            if value is not None and not is_number(value):
                self._is_number[at] = False
        self._waiting.append(texts)
        self._chars += sum(map(len, texts))
        if len(self._waiting) < MEASURED_ROWS and self._chars < MEASURED_CHARS:
            return ""
        return self.release()

    def release(self) -> str:
        """The header and the rows that waited for it; nothing when they are printed already."""
        if self._widths is not None:
            return ""
        lengths = [list(map(_width, texts)) for texts in (self._columns, *self._waiting)]
        self._widths = [min(max(column), MOST_WIDTH) for column in zip(*lengths, strict=True)]
        header = " | ".join(
            " " * ((width - _width(name)) // 2) + name + " " * ((width - _width(name) + 1) // 2)
            for name, width in zip(self._columns, self._widths, strict=True)
        )
        rule = "-+-".join("-" * width for width in self._widths)
        lines = "".join(map(self._line, self._waiting))
        self._waiting = []
        return f" {header}".rstrip() + f"\n-{rule}-\n{lines}"

    def _line(self, texts: Sequence[str]) -> str:
        cells = []
        for text, width, is_right in zip(texts, self._widths or (), self._is_number, strict=True):
            padding = " " * (width - _width(text))
            cells.append(padding + text if is_right else text + padding)
        return f" {' | '.join(cells)}".rstrip() + "\n"


def _width(text: str) -> int:
    """How many cells of a terminal it takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )
