"""Loads the SQL of store/sql/ once: one statement per file, asked for by its file's name.

`sql("due_jobs")` at the top of a store module fails when that module is imported, so a missing file
can't wait for production to be noticed.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement and the name it goes by in logs, plans and pg_stat_activity."""

    name: str
    sql: str


def load(directory: Path) -> dict[str, Statement]:
    """Every `*.sql` file of the directory, by name without the suffix."""
    return {file.stem: parse(file.stem, file.read_text("utf-8")) for file in sorted(directory.glob("*.sql"))}


def parse(name: str, text: str) -> Statement:
    """What is sent to PostgreSQL: the header stays in the file, the name goes in its place."""
    lines = text.strip().splitlines()
    body = next((i for i, line in enumerate(lines) if not _is_header(line)), len(lines))
    if body == 0:
        raise ValueError(f"{name}.sql must start with a `--` comment that says what it guarantees")
    if body == len(lines):
        raise ValueError(f"{name}.sql has no statement")
    return Statement(name, "\n".join([f"-- {name}", *lines[body:]]).rstrip(" \n;"))


def sql(name: str) -> Statement:
    """The statement in store/sql/<name>.sql."""
    try:
        return _STATEMENTS[name]
    except KeyError:
        raise LookupError(f"there is no {_DIRECTORY / name}.sql") from None


def every_statement() -> tuple[Statement, ...]:
    """All of them, for the tests that hold for each (header, plan, use)."""
    return tuple(_STATEMENTS.values())


def _is_header(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("--")


_DIRECTORY: Final = Path(__file__).parent / "sql"
_STATEMENTS: Final = load(_DIRECTORY)
