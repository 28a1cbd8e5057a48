"""Reads SQL as its server does, as far as quoting goes: what is text, what a name, what a comment, what is code.

Whatever is not closed goes on to the end.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Final, Literal

Dialect = Literal["postgres", "mysql", "sqlite"]


class Kind(Enum):
    """What a piece of SQL is."""

    SPACE = "space"
    #: To the end of the line.
    LINE_COMMENT = "line comment"
    BLOCK_COMMENT = "block comment"
    #: `/*! ... */` of MySQL: runs, or not, depending on the server.
    CODE_COMMENT = "comment that is code"
    #: Text in which only its quote is special; it is doubled.
    STRING = "string"
    #: Text in which backslashes are special too.
    ESCAPED = "string with backslashes"
    #: Bits and bytes, and text or names with Unicode escapes: their insides are a language of their own.
    CODED = "coded string"
    #: `$tag$ ... $tag$`.
    DOLLAR = "dollar-quoted string"
    #: A quoted name.
    IDENTIFIER = "quoted name"
    WORD = "word"
    NUMBER = "number"
    SYMBOL = "symbol"
    #: What the caller looks for among the code.
    MARK = "mark"


TEXTS: Final = frozenset({Kind.STRING, Kind.ESCAPED, Kind.CODED, Kind.DOLLAR})
BLANKS: Final = frozenset({Kind.SPACE, Kind.LINE_COMMENT, Kind.BLOCK_COMMENT})


@dataclass(frozen=True, slots=True)
class Token:
    """A piece: `text[start:end]`. Between its quotes, if it has some, stands `text[inner:inner_end]`."""

    kind: Kind
    start: int
    end: int
    inner: int
    inner_end: int
    is_closed: bool = True


_LETTER: Final = r"A-Za-z_\u0080-\U0010ffff"


def _quoted(quote: str, *, escapes: bool = False) -> str:
    """Up to the quote that ends it; a doubled one does not. Never goes back: long texts are read once."""
    if escapes:
        return rf"{quote}(?:[^{quote}\\]++|\\(?:.|\Z)|{quote}{quote})*+(?:{quote}|\Z)"
    return rf"{quote}(?:[^{quote}]++|{quote}{quote})*+(?:{quote}|\Z)"


_SINGLE: Final = _quoted("'")
_SINGLE_ESCAPED: Final = _quoted("'", escapes=True)
_DOUBLE: Final = _quoted('"')
_DOUBLE_ESCAPED: Final = _quoted('"', escapes=True)
_BACKTICK: Final = _quoted("`")

#: In the order in which they are tried.
_GRAMMAR: Final[dict[Dialect, list[tuple[Kind, str]]]] = {
    "postgres": [
        (Kind.SPACE, r"[ \t\n\r\f\v]+"),
        (Kind.LINE_COMMENT, r"--[^\n\r]*"),
        (Kind.STRING, f"[nN]?{_SINGLE}"),
        (Kind.ESCAPED, f"[eE]{_SINGLE_ESCAPED}"),
        (Kind.CODED, f"(?:[xXbB]|[uU]&){_SINGLE}"),
        (Kind.CODED, f"[uU]&{_DOUBLE}"),
        (Kind.IDENTIFIER, _DOUBLE),
        (Kind.WORD, rf"[{_LETTER}][{_LETTER}0-9$]*"),
        (Kind.NUMBER, r"[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?"),
    ],
    "mysql": [
        (Kind.SPACE, r"[ \t\n\r\f\v]+"),
        (Kind.LINE_COMMENT, r"#[^\n]*|--(?=[\x00-\x20\x7f]|\Z)[^\n]*"),
        (Kind.CODE_COMMENT, r"/\*M?!"),
        (Kind.BLOCK_COMMENT, r"/\*(?:[^*]++|\*(?!/))*+(?:\*/|\Z)"),
        (Kind.ESCAPED, f"[nN]?{_SINGLE_ESCAPED}|{_DOUBLE_ESCAPED}"),
        (Kind.CODED, f"[xXbB]{_SINGLE}"),
        (Kind.IDENTIFIER, _BACKTICK),
        (Kind.WORD, rf"[{_LETTER}0-9$]+"),
    ],
    "sqlite": [
        (Kind.SPACE, r"[ \t\n\r\f\v]+"),
        (Kind.LINE_COMMENT, r"--[^\n]*"),
        (Kind.BLOCK_COMMENT, r"/\*(?:[^*]++|\*(?!/))*+(?:\*/|\Z)"),
        (Kind.STRING, _SINGLE),
        (Kind.CODED, f"[xX]{_SINGLE}"),
        (Kind.IDENTIFIER, rf"{_DOUBLE}|{_BACKTICK}|\[[^\]]*+(?:\]|\Z)"),
        # Parameters that are named as in Tcl may hold quotes between parentheses.
        (Kind.WORD, rf"[$@:#][{_LETTER}0-9$:]+(?:\([^\s)]*\)?)?|[{_LETTER}][{_LETTER}0-9$]*"),
        (Kind.NUMBER, r"[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?"),
    ],
}
_KINDS: Final = {dialect: [kind for kind, _ in grammar] for dialect, grammar in _GRAMMAR.items()}
_QUOTED: Final = frozenset({Kind.STRING, Kind.ESCAPED, Kind.CODED, Kind.IDENTIFIER})
_DOLLARS: Final = re.compile(rf"\$(?:[{_LETTER}][{_LETTER}0-9]*)?\$")
_CONTINUED: Final = re.compile(_SINGLE_ESCAPED, re.DOTALL)
_LINE_END: Final = re.compile(r"[\n\r]")
_COMMENT_EDGE: Final = re.compile(r"/\*|\*/")


def tokens(text: str, dialect: Dialect, mark: re.Pattern[str] | None = None) -> Iterator[Token]:
    """Everything in the text, piece by piece. `mark` finds pieces that are not SQL where code is expected."""
    pattern, kinds = _pattern(dialect), _KINDS[dialect]
    at = 0
    #: Whether the last text had backslashes; whether a line has ended since, so that a further text continues it.
    was_escaped = is_continued = False
    while at < len(text):
        found = mark.match(text, at) if mark is not None else None
        if found is not None:
            token = Token(Kind.MARK, at, found.end(), at, found.end())
        elif dialect == "postgres" and text.startswith("/*", at):
            token = _nested_comment(text, at)
        elif dialect == "postgres" and (dollars := _DOLLARS.match(text, at)) is not None:
            token = _dollar_quoted(text, at, dollars.end())
        elif dialect == "postgres" and is_continued and text[at] == "'":
            token = _read(text, at, Kind.ESCAPED, _CONTINUED.match(text, at))
        elif (one := pattern.match(text, at)) is not None:
            token = _read(text, at, kinds[(one.lastindex or 1) - 1], one)
        else:
            token = Token(Kind.SYMBOL, at, at + 1, at, at + 1)
        if token.kind is Kind.ESCAPED:
            was_escaped, is_continued = True, False
        elif token.kind in (Kind.SPACE, Kind.LINE_COMMENT):
            is_continued = was_escaped and (is_continued or bool(_LINE_END.search(text, at, token.end)))
        else:
            was_escaped = is_continued = False
        yield token
        at = token.end


def statements(text: str, dialect: Literal["postgres", "sqlite"]) -> list[str]:
    """The statements of a text, without those that are empty; each as it stands, without the semicolon."""
    found: list[str] = []
    start = at = 0
    body = _Body(dialect)
    for token in tokens(text, dialect):
        at = token.end
        if token.kind in BLANKS:
            continue
        word = text[token.start : token.end]
        if token.kind is Kind.SYMBOL and word == ";" and not body.holds_semicolon():
            if not body.is_empty:
                found.append(text[start : token.start].strip())
            start, body = at, _Body(dialect)
        else:
            body.take(word.upper() if token.kind is Kind.WORD else word)
    if not body.is_empty:
        found.append(text[start:at].strip())
    return found


class _Body:
    """Whether a semicolon ends a statement, or stands inside it, after what was read of it so far."""

    def __init__(self, dialect: Literal["postgres", "sqlite"]) -> None:
        self._dialect = dialect
        #: Its first words, as far as they matter, and the last one.
        self._words: list[str] = []
        self._last = self._before_last = ""
        self._parentheses = self._blocks = 0

    @property
    def is_empty(self) -> bool:
        return not self._last

    def take(self, word: str) -> None:
        if len(self._words) < 6:
            self._words.append(word)
        self._before_last, self._last = self._last, word
        match word:
            case "(":
                self._parentheses += 1
            case ")":
                self._parentheses = max(self._parentheses - 1, 0)
            case "BEGIN" if self._is_routine():
                self._blocks += 1
            case "CASE" if self._blocks:
                self._blocks += 1
            case "END" if self._blocks:
                self._blocks -= 1

    def holds_semicolon(self) -> bool:
        """Whether a semicolon that comes now is part of the statement. It is taken then by the caller."""
        if self._dialect == "postgres":
            return self._parentheses > 0 or self._blocks > 0
        # A trigger ends with `; END ;`, as sqlite3_complete() has it.
        return self._is_trigger() and not (self._last == "END" and self._before_last == ";")

    def _is_routine(self) -> bool:
        words = [word for word in self._words[:4] if word not in ("OR", "REPLACE")]
        return words[:1] == ["CREATE"] and words[1:2] in (["FUNCTION"], ["PROCEDURE"])

    def _is_trigger(self) -> bool:
        left = [word for word in self._words if word not in ("EXPLAIN", "QUERY", "PLAN", "TEMP", "TEMPORARY")]
        return left[:2] == ["CREATE", "TRIGGER"]


@cache
def _pattern(dialect: Dialect) -> re.Pattern[str]:
    """Compiled when first used: together they take longer than the rest of some programs' start."""
    return re.compile("|".join(f"({pattern})" for _, pattern in _GRAMMAR[dialect]), re.DOTALL)


def _read(text: str, at: int, kind: Kind, found: re.Match[str] | None) -> Token:
    end = len(text) if found is None else found.end()
    if kind not in _QUOTED:
        is_closed = kind is not Kind.BLOCK_COMMENT or text.endswith("*/", at + 2, end)
        return Token(kind, at, end, at, end, is_closed)
    quote = at
    while text[quote] not in "'\"`[":
        quote += 1
    closing = "]" if text[quote] == "[" else text[quote]
    is_closed = end - 1 > quote and text[end - 1] == closing and not _ends_open(text, quote, end, kind)
    return Token(kind, at, end, quote + 1, end - 1 if is_closed else end, is_closed)


def _ends_open(text: str, quote: int, end: int, kind: Kind) -> bool:
    """Whether the quote at the very end of the text is doubled or escaped, and so ends nothing."""
    if end < len(text) or text[quote] == "[":
        return False
    special = "\\" if kind is Kind.ESCAPED else ""
    at = quote + 1
    while at < end - 1:
        if special and text[at] == special:
            at += 2
        elif text[at] == text[quote]:
            at += 2  # doubled: a single one would have ended it here
        else:
            at += 1
    return at >= end


def _nested_comment(text: str, at: int) -> Token:
    depth, end = 1, at + 2
    while depth:
        edge = _COMMENT_EDGE.search(text, end)
        if edge is None:
            return Token(Kind.BLOCK_COMMENT, at, len(text), at, len(text), is_closed=False)
        depth += 1 if edge[0] == "/*" else -1
        end = edge.end()
    return Token(Kind.BLOCK_COMMENT, at, end, at, end)


def _dollar_quoted(text: str, at: int, inner: int) -> Token:
    tag = text[at:inner]
    end = text.find(tag, inner)
    if end < 0:
        return Token(Kind.DOLLAR, at, len(text), inner, len(text), is_closed=False)
    return Token(Kind.DOLLAR, at, end + len(tag), inner, end)
