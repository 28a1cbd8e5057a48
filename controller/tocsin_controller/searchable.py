"""Text as the search sees it: words alone, the same way in what executions printed and in what people look for."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

#: Everything between words. `/var/log/app_1` is three words and a number, so each of them finds it.
_BETWEEN: Final = re.compile(r"[\W_]+")
#: A term of a search: a phrase in quotes, or what stands between spaces; a minus before it: not that.
_TERM: Final = re.compile(r'(-?)(?:"([^"]*)"?|(\S+))')
#: Longer words are encoded data: nobody looks for them.
MOST_WORD_CHARS: Final = 100
MOST_TERMS: Final = 20


@dataclass(frozen=True, slots=True)
class Terms:
    """What somebody looks for: phrases, each of some words in a row."""

    wanted: tuple[tuple[str, ...], ...]
    unwanted: tuple[tuple[str, ...], ...]

    @property
    def query(self) -> str:
        """For `websearch_to_tsquery`."""
        wanted = [f'"{" ".join(words)}"' for words in self.wanted]
        return " ".join([*wanted, *(f'-"{" ".join(words)}"' for words in self.unwanted)])


def words_of(text: str) -> list[str]:
    """The words of a text, in small letters."""
    return [word for word in _BETWEEN.split(text.lower()) if 0 < len(word) <= MOST_WORD_CHARS]


def parse_terms(text: str) -> Terms | None:
    """What a search's text asks for: all of its words and phrases, none of those after a minus.

    None when there is nothing to look for.
    """
    wanted: list[tuple[str, ...]] = []
    unwanted: list[tuple[str, ...]] = []
    for minus, phrase, word in _TERM.findall(text):
        if words := tuple(words_of(phrase or word)):
            (unwanted if minus else wanted).append(words)
    if not wanted or len(wanted) + len(unwanted) > MOST_TERMS:
        return None
    return Terms(tuple(wanted), tuple(unwanted))


def places_of(line: str, phrases: Sequence[Sequence[str]]) -> list[tuple[int, int]]:
    """Where the phrases stand in a line: start and end of each, in order."""
    patterns = (r"[\W_]+".join(map(re.escape, words)) for words in phrases)
    found = {
        match.span()
        for pattern in patterns
        for match in re.finditer(rf"(?<![^\W_]){pattern}(?![^\W_])", line, re.IGNORECASE)
    }
    return sorted(found)
