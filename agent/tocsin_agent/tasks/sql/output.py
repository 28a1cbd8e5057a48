"""Prints what statements bring, as it comes: rows on stdout, how many there were on stderr."""

import asyncio
from collections.abc import Sequence

from tocsin_agent.tasks.base import TaskContext
from tocsin_agent.tasks.driving import TaskFailed
from tocsin_agent.tasks.sql.table import Table
from tocsin_agent.tasks.sql.values import as_json, as_text
from tocsin_shared.executions import Reason, Stream
from tocsin_shared.tasks import SqlTask

#: The longest line for one row.
MAX_ROW_BYTES = 16 * 1024 * 1024
#: Lines are given out together when there are so many bytes of them, or when the first has waited so long.
_FLUSH_BYTES = 32 * 1024
_FLUSH_SECS = 0.2


class RowOutput:
    """Of one execution. Not for threads."""

    def __init__(self, task: SqlTask, context: TaskContext) -> None:
        self._context = context
        self._is_table = task.format == "table"
        self._most_rows = task.max_rows
        self._names: list[str] = []
        self._table: Table | None = None
        self._lines: list[bytes] = []
        self._size = 0
        self._timer: asyncio.TimerHandle | None = None
        self._rows = 0
        self._rows_of_all = 0

    @property
    def rows_left(self) -> int:
        """So many more may come, and one to know that there are too many."""
        return self._most_rows - self._rows_of_all + 1

    def begin(self, columns: Sequence[str]) -> None:
        """A statement brings rows with these columns."""
        self._rows = 0
        if self._is_table:
            self._table = Table(columns)
        else:
            self._names = [as_json(name) + ": " for name in _unique(columns)]

    def row(self, values: Sequence[object]) -> int:
        """Print one; how many bytes that were. Raises TaskFailed when it is too long, or one too many."""
        if self._rows_of_all >= self._most_rows:
            self.flush()
            message = f"There are more than {self._most_rows} rows (max_rows); the rest was not read."
            raise TaskFailed(Reason.TOO_LARGE, message)
        if self._table is not None:
            texts = list(map(as_text, values))
            if (size := sum(map(len, texts))) > MAX_ROW_BYTES:
                raise _row_too_large(size)
            line = self._table.row(values, texts)
        else:
            pairs = zip(self._names, map(as_json, values), strict=True)
            line = "{" + ", ".join([name + value for name, value in pairs]) + "}\n"
            if len(line) > MAX_ROW_BYTES:
                raise _row_too_large(len(line))
        self._rows += 1
        self._rows_of_all += 1
        return self._print(line)

    def end(self) -> None:
        """The statement has brought all its rows."""
        count = f"{self._rows} row{'' if self._rows == 1 else 's'}"
        if self._table is not None:
            self._print(f"{self._table.release()}({count})\n\n")
            self._table = None
        else:
            self.tell(count)
        self.flush()

    def tell(self, text: str) -> None:
        """A line on stderr, behind the rows that came before it."""
        self.flush()
        self._context.emit(Stream.STDERR, f"{as_text(text)}\n".encode(errors="replace"))

    def flush(self) -> None:
        """Give out what waits. Rows of a table still wait for its widths."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._lines:
            self._context.emit(Stream.STDOUT, b"".join(self._lines))
            self._lines, self._size = [], 0

    def close(self) -> None:
        """Nothing more comes, in whatever way it ended."""
        if self._table is not None:
            self._print(self._table.release())
            self._table = None
        self.flush()

    def _print(self, text: str) -> int:
        line = text.encode(errors="replace")
        self._lines.append(line)
        self._size += len(line)
        if self._size >= _FLUSH_BYTES:
            self.flush()
        elif self._timer is None and line:
            self._timer = asyncio.get_running_loop().call_later(_FLUSH_SECS, self.flush)
        return len(line)


class Pace:
    """How many rows to ask for at once: few when they are large or slow, so that they neither pile up nor wait."""

    _FULL_BYTES = 256 * 1024
    _SLOW_SECS = 0.25
    _MOST = 1_000

    def __init__(self) -> None:
        self.rows = 10

    def went(self, size: int, secs: float) -> None:
        """The rows asked for last had so many bytes, and took so long."""
        if size > self._FULL_BYTES or secs > self._SLOW_SECS:
            self.rows = max(self.rows // 4, 1)
        elif size < self._FULL_BYTES // 4:
            self.rows = min(self.rows * 2, self._MOST)


def _row_too_large(size: int) -> TaskFailed:
    limit = MAX_ROW_BYTES // (1024 * 1024)
    return TaskFailed(
        Reason.TOO_LARGE, f"A row of {size} characters is longer than the {limit} MiB that are printed."
    )


def _unique(names: Sequence[str]) -> list[str]:
    """Names that come again get a number: an object has each only once."""
    taken, found = set(names), set[str]()
    result = []
    for name in names:
        fresh, number = name, 1
        while fresh in found or (number > 1 and fresh in taken):
            number += 1
            fresh = f"{name}_{number}"
        found.add(fresh)
        result.append(fresh)
    return result
