"""Tables and field lists, before anything is known about where they are shown."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Styled:
    """A cell with a rich style, which only a terminal shows."""

    text: str
    style: str


Cell = str | Styled


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    title: str
    is_number: bool = False
    #: Never shortened, however narrow the terminal: ids and names that people copy.
    is_kept: bool = False
    #: Left out where the terminal is so narrow that all columns would say nothing.
    is_extra: bool = False


@dataclass(slots=True)
class Table:
    """Rows under titles, in plain words."""

    columns: Sequence[Column]
    rows: list[Sequence[Cell]] = field(default_factory=list)
    #: Said instead of the table when there are no rows.
    when_empty: str = "Nothing to show."

    def add(self, *cells: Cell) -> None:
        """One more row, with a cell for each column."""
        self.rows.append(cells)


#: Labelled values, one a line; a value may have several lines.
Fields = Sequence[tuple[str, Cell]]

_STATUS_STYLES = {
    "succeeded": "green", "online": "green", "scheduled": "green", "ok": "green", "success": "green",
    "failed": "red", "timed_out": "red", "lost": "red", "error": "red", "offline": "red",
    "running": "cyan",
    "pending": "yellow", "pending_approval": "yellow", "draining": "yellow", "paused": "yellow",
    "degraded": "yellow", "warning": "yellow",
    "cancelled": "magenta",
    "skipped": "dim", "unscheduled": "dim", "info": "dim", "revoked": "dim",
}  # fmt: skip


def status(word: str, shown: str | None = None) -> Styled:
    """A status in its colour."""
    return Styled(shown if shown is not None else word, _STATUS_STYLES.get(word, ""))


def text_of(cell: Cell) -> str:
    """The words of a cell."""
    return cell.text if isinstance(cell, Styled) else cell
