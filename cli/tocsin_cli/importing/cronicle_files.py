"""Cronicle's exports: a line for each record of its storage, `key - JSON`. Lists are kept in pages."""

import re
from dataclasses import dataclass, field
from typing import Final

import orjson

from tocsin_cli.importing.converted import CannotConvert, Json

_LINE: Final = re.compile(r"(\S+) - (\{.*\}|\[.*\])\s*")
_PAGE: Final = re.compile(r"global/(schedule|plugins|categories|server_groups)/-?[0-9]+")


@dataclass(frozen=True, slots=True)
class Backup:
    """The lists that say something about jobs."""

    schedule: list[Json] = field(default_factory=list)
    plugins: list[Json] = field(default_factory=list)
    categories: list[Json] = field(default_factory=list)
    server_groups: list[Json] = field(default_factory=list)


def read_backup(text: str, where: str) -> Backup:
    """Raises CannotConvert."""
    backup, pages = Backup(), 0
    # Not splitlines(): the characters U+0085, U+2028 and U+2029 stand in texts of records as they are.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise CannotConvert(f"{where}:{number}: no record of a Cronicle export: {line[:80]}")
        page = _PAGE.fullmatch(match[1])
        if page is None:
            continue  # users, keys, the heads of lists
        try:
            items = orjson.loads(match[2]).get("items", [])
        except (ValueError, AttributeError):
            raise CannotConvert(f"{where}:{number}: the record {match[1]} can't be read") from None
        pages += 1
        getattr(backup, page[1]).extend(one for one in items if isinstance(one, dict))
    if not pages:
        raise CannotConvert(f"{where}: no export of Cronicle: there is no schedule in it")
    return backup
