"""Expressions over an agent's tags: `linux and not (db or legacy)`. Pure.

`not` binds tighter than `and`, `and` tighter than `or`; the three words may be written in any case. A tag that is
spelled like one of them goes in double quotes.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

#: Longer than anything a person writes by hand; routes in the queue's index carry the text.
LONGEST_CHARS: Final = 500
#: Parentheses and `not` inside each other.
DEEPEST: Final = 20
#: The longest tag that an agent can have.
LONGEST_TAG_CHARS: Final = 64

_WORDS: Final = frozenset({"and", "or", "not"})
_TOKEN: Final = re.compile(r'(?P<sign>[()])|"(?P<quoted>[^"]*)"|(?P<bare>\w[\w.:/=@\-]*)')
_TAG: Final = re.compile(r"\w[\w.:/=@\-]*")


@dataclass(frozen=True, slots=True)
class Has:
    """The agent has this tag."""

    tag: str


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    inner: "Expression"


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    parts: "tuple[Expression, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of them."""

    parts: "tuple[Expression, ...]"


Expression = Has | Not | And | Or


class BadExpression(ValueError):
    """The text is no expression; the message says where, counting characters from 1."""


@lru_cache(maxsize=4_096)
def parse(text: str) -> Expression:
    """The expression that the text means. Raises BadExpression. Whoever takes it from people bounds its length."""
    return _Parser(text).whole()


def canonical(expression: Expression) -> str:
    """One text for all spellings of the same tree; `parse` of it gives the tree back, however deep it was."""
    match expression:
        case Has(tag):
            return f'"{tag}"' if tag.lower() in _WORDS else tag
        case Not(inner):
            return f"not {_inner(inner)}"
        case And(parts):
            return " and ".join(_inner(part) for part in parts)
        case Or(parts):
            return " or ".join(f"({canonical(p)})" if isinstance(p, Or) else canonical(p) for p in parts)


def matches(expression: Expression, tags: frozenset[str]) -> bool:
    """Whether an agent with these tags is meant."""
    match expression:
        case Has(tag):
            return tag in tags
        case Not(inner):
            return not matches(inner, tags)
        case And(parts):
            return all(matches(part, tags) for part in parts)
        case Or(parts):
            return any(matches(part, tags) for part in parts)


def objections(expression: Expression, tags: frozenset[str]) -> list[str]:
    """Why an agent with these tags is not meant: the tags that it lacks or has too many. Empty when it is meant."""
    return [] if matches(expression, tags) else list(dict.fromkeys(_because(expression, tags, is_true=False)))


def _because(expression: Expression, tags: frozenset[str], *, is_true: bool) -> list[str]:
    """What makes the expression true, or false, as it is."""
    match expression:
        case Has(tag):
            return [f"has the tag {tag}" if is_true else f"lacks the tag {tag}"]
        case Not(inner):
            return _because(inner, tags, is_true=not is_true)
        case And(parts) | Or(parts):
            told = [part for part in parts if matches(part, tags) is is_true]
            return [reason for part in told for reason in _because(part, tags, is_true=is_true)]


def _inner(part: Expression) -> str:
    return canonical(part) if isinstance(part, Has | Not) else f"({canonical(part)})"


class _Token(NamedTuple):
    #: `(`, `)`, `and`, `or`, `not`, `tag`, or `end`.
    kind: str
    text: str
    #: Counted from 1.
    position: int


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        found = _TOKEN.match(text, at)
        if found is None:
            what = "a quoted tag without its end" if text[at] == '"' else f"unexpected {text[at]!r}"
            raise BadExpression(f"{what} at position {at + 1}")
        tokens.append(_token(found, at + 1))
        at = found.end()
    return [*tokens, _Token("end", "", len(text) + 1)]


def _token(found: re.Match[str], position: int) -> _Token:
    if sign := found["sign"]:
        return _Token(sign, sign, position)
    quoted, bare = found["quoted"], found["bare"]
    if bare is not None and bare.lower() in _WORDS:
        return _Token(bare.lower(), bare, position)
    tag = bare if bare is not None else quoted
    if not _TAG.fullmatch(tag):
        raise BadExpression(f"{tag!r} at position {position} is no tag")
    if len(tag) > LONGEST_TAG_CHARS:
        raise BadExpression(f"the tag at position {position} has more than {LONGEST_TAG_CHARS} characters")
    return _Token("tag", tag, position)


class _Parser:
    """Recursive descent; how deep is bounded."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._at = 0
        self._depth = 0

    def whole(self) -> Expression:
        if self._tokens[0].kind == "end":
            raise BadExpression("is empty: name at least one tag")
        expression = self._or()
        token = self._next
        if token.kind == ")":
            raise BadExpression(f"`)` at position {token.position} closes nothing")
        if token.kind != "end":
            raise BadExpression(
                f"`and` or `or` is missing before {token.text!r} at position {token.position}"
            )
        return expression

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        token = self._next
        self._at += 1
        return token

    def _or(self) -> Expression:
        parts = [self._and()]
        while self._next.kind == "or":
            self._take()
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _and(self) -> Expression:
        parts = [self._one()]
        while self._next.kind == "and":
            self._take()
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _one(self) -> Expression:
        token = self._take()
        match token.kind:
            case "tag":
                return Has(token.text)
            case "not":
                self._deeper(token)
                inner = self._one()
                self._depth -= 1
                return Not(inner)
            case "(":
                self._deeper(token)
                inner = self._or()
                self._depth -= 1
                if self._next.kind == "end":
                    raise BadExpression(f"`(` at position {token.position} is never closed")
                if self._next.kind != ")":
                    found = self._next
                    raise BadExpression(
                        f"`and` or `or` is missing before {found.text!r} at position {found.position}"
                    )
                self._take()
                return inner
            case "end":
                raise BadExpression(f"ends where a tag is expected (position {token.position})")
            case _:
                raise BadExpression(
                    f"a tag is expected instead of {token.text!r} at position {token.position}"
                )

    def _deeper(self, token: _Token) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise BadExpression(f"is nested more than {DEEPEST} deep at position {token.position}")
