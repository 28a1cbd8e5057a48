"""What comes of a conversion."""

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any

from tocsin_cli.failures import Failure

Json = dict[str, Any]


class CannotConvert(Failure):
    """The source can't be read; says where and why."""


@dataclass(slots=True)
class Converted:
    """Documents, and what people should know about them."""

    documents: list[Json] = field(default_factory=list)
    #: (name of the job, or where it stood; what differs), in the order of the source.
    notes: list[tuple[str, str]] = field(default_factory=list)

    def add(self, document: Json, *notes: str) -> None:
        """A job. Its name is made unique among the others."""
        taken = {one["name"] for one in self.documents}
        name, number = document["name"], 2
        while name in taken:
            name, number = f"{document['name']}-{number}", number + 1
        self.documents.append({**document, "name": name})
        self.notes += [(name, note) for note in notes]

    def take(self, more: "Converted") -> None:
        """Those of another source. Where names change, those who wait for them know."""
        names: dict[str, str] = {}
        for document in more.documents:
            waits = [
                one | {"job": names.get(one["job"], one["job"])} for one in document.get("depends_on") or []
            ]
            self.add(document | ({"depends_on": waits} if waits else {}))
            names[document["name"]] = self.documents[-1]["name"]
        self.notes += [(names.get(where, where), note) for where, note in more.notes]

    def skip(self, where: str, why: str) -> None:
        """Something that has no counterpart."""
        self.notes.append((where, f"not imported: {why}"))


def paused_because(doubts: list[str]) -> list[str]:
    """The notes of a job that must not run before somebody has looked at it."""
    return [f"is paused until somebody has looked at it: {doubt}" for doubt in doubts]


def name_from(*parts: str) -> str:
    """A job's name from texts of any kind: the same each time, and telling."""
    words = [word for part in parts for word in re.split(r"[^A-Za-z0-9_.]+", part) if word.strip("_.")]
    name = "-".join(word.strip(".") for word in words)
    if len(name) <= 60 and name:
        return name
    mark = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:8]
    return f"{name[:50].rstrip('-.')}-{mark}".lstrip("-")
