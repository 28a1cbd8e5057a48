"""Job documents from files and folders, which remember where they stood; and written back to files."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from tocsin_cli.failures import Failure
from tocsin_cli.manifests import read_source, write_document
from tocsin_cli.targets import parse_target

Json = dict[str, Any]

SUFFIXES: Final = (".yaml", ".yml", ".json")
_DETAIL: Final = re.compile(r"documents\.(\d+)(?:\.(.*))?")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a document stood."""

    file: str
    #: From 1; None when it is alone in its file.
    number: int | None

    def __str__(self) -> str:
        return self.file if self.number is None else f"{self.file} (document {self.number})"


@dataclass(frozen=True, slots=True)
class Documents:
    """Everything that was read, in the order of the files."""

    bodies: list[Json]
    sources: list[Source]

    def located(self, details: Iterable[tuple[str, str]]) -> str:
        """What the API found wrong, one line each, by file instead of by number."""
        return "\n".join(self._located(field, reason) for field, reason in details)

    def _located(self, field: str, reason: str) -> str:
        match = _DETAIL.fullmatch(field)
        if match is None or int(match[1]) >= len(self.sources):
            return f"{field}: {reason}" if field else reason
        index = int(match[1])
        other = re.sub(r"\bdocument (\d+)\b", lambda m: self._source(int(m[1])), reason)
        name = self.bodies[index].get("name")
        where = f"{self.sources[index]}: {name}" if isinstance(name, str) else str(self.sources[index])
        return f"{where}: {match[2]}: {other}" if match[2] else f"{where}: {other}"

    def _source(self, index: int) -> str:
        return str(self.sources[index]) if index < len(self.sources) else f"document {index}"


def read_all(paths: Sequence[str]) -> Documents:
    """Every document of these files and folders; `-` is standard input. Raises Failure, UsageError."""
    found = Documents([], [])
    for path in paths:
        for file in _files(path):
            documents = read_source(file)
            for number, document in enumerate(documents, start=1):
                source = Source(
                    "standard input" if file == "-" else file, number if len(documents) > 1 else None
                )
                found.bodies.append(_with_target(document, source))
                found.sources.append(source)
    return found


def write_all(documents: Sequence[tuple[str, Json]], folder: Path) -> list[Path]:
    """One file for each name; names that would share a file on some system get a mark of their own."""
    stems = [_stem(name) for name, _ in documents]
    folded = [stem.casefold() for stem in stems]
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for (name, document), stem in zip(documents, stems, strict=True):
        mark = (
            "" if folded.count(stem.casefold()) == 1 else f"-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
        )
        path = folder / f"{stem}{mark}.yaml"
        path.write_text(write_document(document), "utf-8")
        written.append(path)
    return written


def _files(path: str) -> list[str]:
    """The file itself, or all job files below a folder in the order of their paths; hidden ones are not ours."""
    folder = Path(path)
    if path == "-" or not folder.is_dir():
        return [path]
    found = sorted(
        file
        for file in folder.rglob("*")
        if file.suffix in SUFFIXES
        and file.is_file()
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    )
    if not found:
        raise click.UsageError(f"there is no {', '.join(SUFFIXES)} file in {path}")
    return [str(file) for file in found]


def _with_target(document: Json, source: Source) -> Json:
    """Targets may be written as on the command line: `tag:web`, `agent:db-1`."""
    target = document.get("target")
    if not isinstance(target, str):
        return document
    try:
        return {**document, "target": parse_target(target)}
    except ValueError as error:
        raise Failure(f"{source}: target: {error}") from None


def _stem(name: str) -> str:
    """The name as a file's name: it may hold letters of any script, but no blank and no dot in front."""
    return re.sub(r"[^\w.\-]", "-", name).lstrip(".-")[:100] or "job"
