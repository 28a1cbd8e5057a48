"""Values in SQL: each is a text, a piece of a text, or a name, for exactly the server that reads it.

The query is read as its server reads it. Where a value would be part of code, or it is not certain how the server
reads the place, nothing is put in: references there are refused, whatever the value.
"""

import re
from typing import Final

from tocsin_controller.substitution.references import (
    REFERENCE,
    CannotPlace,
    Scalar,
    ValueOf,
    as_text,
    fill,
)
from tocsin_shared.sql import BLANKS, TEXTS, Dialect, Kind, Token, tokens

#: Settings that change how text is quoted: with them in the query nobody knows which rules hold.
_CHANGES_QUOTING: Final[dict[Dialect, re.Pattern[str] | None]] = {
    "postgres": re.compile(r"standard_conforming_strings|client_encoding|\bset\s+names\b", re.IGNORECASE),
    "mysql": re.compile(r"sql_mode|character_set|\bset\s+(?:names|char)", re.IGNORECASE),
    "sqlite": None,
}
#: What may stand directly before and behind a value that has no quotes of its own.
_BEFORE: Final = frozenset(" \t\n\r\f\v(,=<>+-*/%|&^~!;[:")
_BEHIND: Final = frozenset(" \t\n\r\f\v),=<>+-*/%|&^~!;]:")
#: The beginning of an escape sequence that goes on with what stands behind it.
_UNFINISHED: Final = re.compile(
    r"\\(?:x[0-9A-Fa-f]?|[0-7]{1,2}|u[0-9A-Fa-f]{0,3}|U[0-9A-Fa-f]{0,7})\Z", re.DOTALL
)
_CODE: Final = "stands in code that is kept as text, where a value would be code too"


def fill_sql(query: str, value_of: ValueOf, dialect: Dialect) -> str:
    """The query with every reference replaced by its value, quoted. Raises CannotPlace."""
    if "{{" not in query:
        return query
    return _Filler(query, value_of, dialect).fill()


class _Filler:
    """Reads one query once."""

    def __init__(self, text: str, value_of: ValueOf, dialect: Dialect) -> None:
        self._text = text
        self._value_of = value_of
        self._dialect: Dialect = dialect
        changes = _CHANGES_QUOTING[dialect]
        #: Why nothing can be put in, from here on.
        self._doubt: str | None = None
        if changes is not None and (found := changes.search(text)) is not None:
            self._doubt = f"stands in a query with `{found[0]}`, which changes how text is quoted"
        #: The first words of the statement that is being read.
        self._words: list[str] = []
        #: What stands before, without blanks.
        self._before: Token | None = None
        self._runs_text = False

    def fill(self) -> str:
        out: list[str] = []
        every = list(tokens(self._text, self._dialect, REFERENCE))
        for index, token in enumerate(every):
            if token.kind is Kind.MARK:
                behind = next((one for one in every[index + 1 :] if one.kind not in BLANKS), None)
                out.append(self._bare(token, behind))
            elif "{{" in self._text[token.start : token.end]:
                out.append(self._inside(token))
            else:
                out.append(self._text[token.start : token.end])
            if token.kind not in BLANKS:
                self._follow(token)
        return "".join(out)

    def _follow(self, token: Token) -> None:
        """Know where the next piece stands."""
        self._before = token
        piece = self._text[token.start : token.end]
        if token.kind is Kind.CODE_COMMENT:
            self._doubt = self._doubt or "stands in or after /*! or /*M!, which only some servers run"
        elif token.kind is Kind.SYMBOL and piece == ";":
            self._words, self._runs_text = [], False
        elif token.kind is Kind.WORD:
            word = piece.upper()
            if len(self._words) < 4:
                self._words.append(word)
            self._runs_text = self._runs_text or self._is_code(word)

    def _is_code(self, word: str) -> bool:
        """Whether the statement takes text that it runs, or keeps to be run."""
        if self._dialect == "mysql":
            return word in ("PREPARE", "EXECUTE")
        words = [one for one in self._words if one not in ("OR", "REPLACE")]
        return self._dialect == "postgres" and (
            words == ["DO"] or words in (["CREATE", "FUNCTION"], ["CREATE", "PROCEDURE"])
        )

    def _bare(self, token: Token, behind: Token | None) -> str:
        """A value without quotes around it: a text of its own, or a number, true or false of the run's params."""
        found = REFERENCE.fullmatch(self._text, token.start, token.end)
        name = found["name"] if found else ""
        if found is None or found["literal"]:
            return as_text(name)
        self._refuse_if_unsure(name)
        before = self._before
        if before is None or self._text[before.start : before.end] == ";":
            raise CannotPlace(name, "stands where a statement begins")
        if before.kind is Kind.MARK or before.kind in TEXTS or (behind is not None and behind.kind in TEXTS):
            raise CannotPlace(name, "stands beside another text, which some servers would join to it")
        if self._dialect == "mysql" and self._text[before.start : before.end].startswith("_"):
            raise CannotPlace(name, "stands behind the name of a character set")
        left, right = self._text[token.start - 1], self._text[token.end : token.end + 1]
        if left not in _BEFORE or (right and right not in _BEHIND):
            raise CannotPlace(
                name, f"touches `{right if left in _BEFORE else left}`; put quotes around all of it"
            )
        value = self._value(name)
        if isinstance(value, Scalar):
            # In parentheses, so that a minus before it does not begin a comment.
            return f"({value})" if value.startswith("-") else value.upper()
        escaped = self._escaped(value, quote="'", has_backslashes=self._dialect == "mysql")
        return f"'{escaped}'"

    def _inside(self, token: Token) -> str:
        """Values in a text, a quoted name or a comment."""
        text = self._text
        if token.kind not in (Kind.STRING, Kind.ESCAPED, Kind.IDENTIFIER):
            return text[token.start : token.inner] + self._refused(token) + text[token.inner_end : token.end]
        quote = text[token.inner - 1]
        has_backslashes = token.kind is Kind.ESCAPED
        at = token.inner
        out = [text[token.start : at]]
        for found in REFERENCE.finditer(text, token.inner, token.inner_end):
            before, name = text[at : found.start()], found["name"]
            out.append(before)
            at = found.end()
            if found["literal"]:
                out.append(as_text(name))
                continue
            self._refuse_if_unsure(name)
            if not token.is_closed:
                raise CannotPlace(name, "stands behind a quote that nothing closes")
            if has_backslashes and (_ends_in_backslash(before) or self._is_unfinished(before)):
                raise CannotPlace(name, "stands behind a backslash that would be about what it holds")
            value = self._value(name)
            if quote == "[" and "]" in value:
                raise CannotPlace(name, "holds a `]`, which a name between brackets can't")
            out.append(self._escaped(value, quote=quote, has_backslashes=has_backslashes))
        out.append(text[at : token.end])
        return "".join(out)

    def _refused(self, token: Token) -> str:
        """The inside of a piece that takes no values."""

        def refuse(name: str) -> str:
            match token.kind:
                case Kind.LINE_COMMENT | Kind.BLOCK_COMMENT:
                    raise CannotPlace(name, "stands in a comment; to write it as text, write {{{{NAME}}")
                case Kind.DOLLAR:
                    raise CannotPlace(name, f"{_CODE}: between {self._text[token.start : token.inner]}")
                case _:
                    raise CannotPlace(
                        name, "stands in a text of bits, bytes or Unicode escapes, or in a parameter"
                    )

        return fill(self._text[token.inner : token.inner_end], refuse)

    def _refuse_if_unsure(self, name: str) -> None:
        if self._doubt is not None:
            raise CannotPlace(name, self._doubt)
        if self._runs_text:
            raise CannotPlace(name, _CODE)

    def _is_unfinished(self, before: str) -> bool:
        found = _UNFINISHED.search(before) if self._dialect == "postgres" else None
        # The backslash of the sequence may itself be an escaped one.
        return found is not None and not _ends_in_backslash(before[: found.start()])

    def _value(self, name: str) -> str:
        value = self._value_of(name)
        if "\x00" in value:
            raise CannotPlace(name, "holds a NUL character")
        return value

    @staticmethod
    def _escaped(value: str, *, quote: str, has_backslashes: bool) -> str:
        if has_backslashes:
            value = value.replace("\\", "\\\\")
        return value if quote == "[" else value.replace(quote, quote * 2)


def _ends_in_backslash(text: str) -> bool:
    """Whether the last backslash escapes what follows."""
    return bool((len(text) - len(text.rstrip("\\"))) % 2)
