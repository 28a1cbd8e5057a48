"""Regular expressions of people on output of anybody: RE2, whose time is linear in the text, whatever the pattern.

Linear is not enough for a pattern that is huge itself: `MOST_STEPS` bounds what one character may cost.
"""

from functools import lru_cache
from typing import Any, Final

import re2

#: Instructions of a compiled pattern. A text of 1 MB is searched with so many in seconds even where RE2 can't use its
#: fast machine.
MOST_STEPS: Final = 4_000
#: For one pattern: the program, and the states that the fast machine remembers.
MEMORY_BYTES: Final = 16 * 1024 * 1024


class BadPattern(ValueError):
    """The pattern can't be used; the message says why and where."""


class Found:
    """A match, with its groups as bytes."""

    __slots__ = ("_groups", "_match", "_names")

    def __init__(self, match: Any, groups: int, names: list[int]) -> None:
        self._match = match
        self._groups = groups
        self._names = names

    @property
    def value(self) -> bytes:
        """The first named group that took part, else the first group, else the whole match."""
        for number in self._names:
            if (text := self._match.group(number)) is not None:
                return bytes(text)
        if self._groups and not self._names and (text := self._match.group(1)) is not None:
            return bytes(text)
        return bytes(self._match.group(0))


class TextPattern:
    """A pattern ready for use on bytes of UTF-8."""

    __slots__ = ("_compiled", "_names")

    def __init__(self, pattern: str) -> None:
        """Raises BadPattern."""
        options = re2.Options()
        options.max_mem = MEMORY_BYTES
        options.log_errors = False
        try:
            compiled = re2.compile(pattern, options)
        except re2.error as error:
            raise BadPattern(_words(error, pattern)) from None
        if compiled.programsize > MOST_STEPS:
            raise BadPattern(
                f"is too large a pattern: {compiled.programsize} steps, at most {MOST_STEPS}; repeat less in it"
            )
        self._compiled = compiled
        self._names = sorted(compiled.groupindex.values())

    def search(self, text: bytes) -> Found | None:
        """The first match. Other threads run meanwhile."""
        match = self._compiled.search(text)
        return Found(match, self._compiled.groups, self._names) if match is not None else None


@lru_cache(maxsize=64)
def text_pattern(pattern: str) -> TextPattern:
    """The pattern, compiled once. Raises BadPattern."""
    return TextPattern(pattern)


def _words(error: Exception, pattern: str) -> str:
    """RE2 names the part that it can't read, not where that is."""
    said = error.args[0] if error.args else ""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    reason, _, part = text.partition(": ")
    at = len(pattern) if reason == "missing )" or not part else max(pattern.find(part), 0)
    return f"is not a pattern of RE2: {reason} at position {at}" + (f" ('{part[:50]}')" if part else "")
