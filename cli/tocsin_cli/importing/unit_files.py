"""systemd's unit files: their settings, spans of time, and words (systemd.syntax(7), systemd.time(7))."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tocsin_cli.importing.converted import CannotConvert

_UNITS: Final = {
    "us": 1e-6, "ms": 1e-3, "": 1, "s": 1, "sec": 1, "second": 1, "seconds": 1, "m": 60, "min": 60, "minute": 60,
    "minutes": 60, "h": 3_600, "hr": 3_600, "hour": 3_600, "hours": 3_600, "d": 86_400, "day": 86_400,
    "days": 86_400, "w": 604_800, "week": 604_800, "weeks": 604_800,
}  # fmt: skip
_SPAN: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)")
_ESCAPE: Final = re.compile(
    r"\\(?:([abfnrtvs\\\"'])|x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))"
)
_ESCAPED: Final = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "s": " ",
    "\\": "\\", '"': '"', "'": "'",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit's file: every value of every key, by section."""

    sections: Mapping[str, Mapping[str, Sequence[str]]]

    def all(self, section: str, key: str) -> list[str]:
        """The values in order; an empty one takes back those before it."""
        found: list[str] = []
        for value in self.sections.get(section, {}).get(key, ()):
            found = [*found, value] if value else []
        return found

    def last(self, section: str, key: str) -> str | None:
        """The value that counts."""
        found = self.all(section, key)
        return found[-1] if found else None

    def others(self, section: str, known: frozenset[str]) -> list[str]:
        """The keys of a section that have a value and are none of `known`."""
        return [key for key in self.sections.get(section, {}) if key not in known and self.all(section, key)]


def read_unit(text: str, where: str) -> Unit:
    """Raises CannotConvert."""
    sections: dict[str, dict[str, list[str]]] = {}
    section: dict[str, list[str]] | None = None
    for line in _lines(text):
        if line.startswith("[") and line.endswith("]"):
            section = sections.setdefault(line[1:-1], {})
            continue
        key, equals, value = line.partition("=")
        if section is None or not equals:
            raise CannotConvert(f"{where}: no unit file: {line[:80]}")
        section.setdefault(key.strip(), []).append(value.strip())
    return Unit(sections)


def _lines(text: str) -> Iterator[str]:
    """Put together where they end with a backslash; comments may stand between, and continue nothing."""
    begun = ""
    for line in text.split("\n"):
        stripped = line.strip()
        if stripped.startswith(("#", ";")):
            continue
        begun += stripped
        if (len(stripped) - len(stripped.rstrip("\\"))) % 2:
            begun = begun[:-1] + " "
            continue
        if begun.strip():
            yield begun.strip()
        begun = ""
    if begun.strip():
        yield begun.strip()


def span_secs(text: str, where: str) -> float:
    """`1h 30min`, `90`. Raises CannotConvert."""
    secs, position = 0.0, 0
    while position < len(text.rstrip()):
        part = _SPAN.match(text, position)
        if part is None or part[2] not in _UNITS:
            raise CannotConvert(f"{where}: '{text}' is no span of time")
        secs += float(part[1]) * _UNITS[part[2]]
        position = part.end()
    return secs


def words(text: str) -> list[str]:
    """Without their quotes, and with what their escapes mean. Raises ValueError for a quote that nothing closes."""
    return [word for word, _ in _words(text)]


def commands(text: str) -> list[list[str]]:
    """The words of each command; a `;` that stands alone is between two of them. Raises ValueError."""
    found: list[list[str]] = [[]]
    for word, written in _words(text):
        if written == ";":
            found.append([])
        else:
            found[-1].append(";" if written == "\\;" else word)
    return [one for one in found if one]


def _words(text: str) -> Iterator[tuple[str, str]]:
    """Each word, and as it is written."""
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        word, end = _word(text, position)
        yield word, text[position:end]
        position = end


def _word(text: str, position: int) -> tuple[str, int]:
    """The word that begins here, and where it ends."""
    word, quote = "", ""
    while position < len(text) and (quote or not text[position].isspace()):
        char = text[position]
        if char == "\\":
            # What is no escape stays as it is, with its backslash.
            escape = _ESCAPE.match(text, position)
            word += _meaning(escape) if escape else char
            position = escape.end() if escape else position + 1
            continue
        if char == quote:
            quote = ""
        elif char in "'\"" and not quote:
            quote = char
        else:
            word += char
        position += 1
    if quote:
        raise ValueError(f"a quote is not closed: {text[:80]}")
    return word, position


def _meaning(escape: re.Match[str]) -> str:
    if escape[1]:
        return _ESCAPED[escape[1]]
    number = int(escape[3], 8) if escape[3] else int(escape[2] or escape[4] or escape[5], 16)
    if not 0 < number < 0x110000 or 0xD800 <= number < 0xE000:
        raise ValueError(f"{escape[0]} is no character")
    return chr(number)
