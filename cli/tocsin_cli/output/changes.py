"""Differences between two states of a job, for people."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from tocsin_cli.output.printer import Printer, to_json

#: A value is cut after so many characters; `-o json` shows all of it.
_MOST_CHARS: Final = 160


def print_changes(out: Printer, changes: Iterable[Mapping[str, Any]], *, indent: str = "") -> None:
    """One line for each field that differs; texts of several lines line by line."""
    for change in changes:
        before, after = change["before"], change["after"]
        if _is_long(before) or _is_long(after):
            out.line(f"{indent}{change['path']}:")
            for line in _line_by_line(before, after):
                out.line(f"{indent}  {line}")
        else:
            out.line(f"{indent}{change['path']}: {_shown(before)} -> {_shown(after)}")


def _is_long(value: Any) -> bool:
    return isinstance(value, str) and "\n" in value


def _line_by_line(before: Any, after: Any) -> list[str]:
    old, new = (_lines(value) for value in (before, after))
    return [
        line.rstrip("\n") for line in difflib.unified_diff(old, new, n=1) if line[:3] not in ("---", "+++")
    ]


def _lines(value: Any) -> list[str]:
    if value is None:
        return []
    return value.split("\n") if isinstance(value, str) else [to_json(value, indent=False)]


def _shown(value: Any) -> str:
    text = to_json(value, indent=False)
    return text if len(text) <= _MOST_CHARS else text[: _MOST_CHARS - 3] + "..."
