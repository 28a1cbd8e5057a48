"""Groovy's literal texts, and the variables that those in double quotes put in. Nothing is evaluated."""

import re
from collections.abc import Collection
from typing import Final

from tocsin_cli.importing.shell_words import Variable, kept_as_text

#: A literal, from where it begins.
TEXT: Final = re.compile(
    r'"""(?:\\.|[^\\])*?"""|\'\'\'(?:\\.|[^\\])*?\'\'\'|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL
)
_ESCAPE: Final = re.compile(r"\\(?:u+([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_ESCAPED: Final = {
    "n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "\n": "", "\\": "\\", "'": "'", '"': '"', "$": "$",
}  # fmt: skip
_PUT_IN: Final = re.compile(r"\$(?:\{([^}]*)\}|([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*))")
_KNOWN: Final = re.compile(r"\s*(?:(?:params|env)\.)?(\w+)\s*")


def pieces(text: str, known: Collection[str]) -> list[str | Variable]:
    """What a literal says, in pieces. Raises ValueError for anything else.

    What it puts in must be one of `known`, alone or as `params.X` or `env.X`: everything else, such as a variable of
    Groovy's own, would have to be evaluated.
    """
    text = text.strip()
    match = TEXT.match(text)
    if match is None or match.end() != len(text):
        raise ValueError(f"'{text[:60]}' is no literal text")
    quote = text[:3] if text[:3] in ("'''", '"""') else text[0]
    inner, position = text[len(quote) : -len(quote)], 0
    found: list[str | Variable] = []
    while position < len(inner):
        if inner[position] == "\\":
            match = _ESCAPE.match(inner, position)
            found.append(_escaped(match))
        elif inner[position] == "$" and quote.startswith('"'):
            match = _PUT_IN.match(inner, position)
            found.append(_variable(match, inner[position:], known))
        else:
            match = None
            found.append(inner[position])
        position = match.end() if match else position + 1
    return found


def literal(text: str) -> str:
    """What a literal says in which no variable stands. Raises ValueError for all else."""
    return "".join(one for one in pieces(text, ()) if isinstance(one, str))


def shell_script(text: str, known: Collection[str]) -> str:
    """A literal as a script, in which the shell's variables of the same names are what is put in. Raises ValueError."""
    script, positions = "", list[int]()
    for one in pieces(text, known):
        if isinstance(one, Variable):
            positions.append(len(script))
        script += one if isinstance(one, str) else f"${{{one.name}}}"
    if kept_as_text(script, positions):
        raise ValueError("it puts a value between single quotes, where the shell fills nothing in")
    return script


def texts(listed: str) -> list[str]:
    """Those of a list of literals. Raises ValueError."""
    return [literal(found[0]) for found in TEXT.finditer(listed)]


def _escaped(match: re.Match[str] | None) -> str:
    if match is not None and match[1]:
        return chr(int(match[1], 16))
    if match is None or match[2] not in _ESCAPED:
        raise ValueError(f"{match[0] if match else 'a backslash'} means nothing in Groovy")
    return _ESCAPED[str(match[2])]


def _variable(match: re.Match[str] | None, rest: str, known: Collection[str]) -> Variable:
    said = _KNOWN.fullmatch(match[1] if match[1] is not None else match[2]) if match else None
    if said is None or said[1] not in known:
        raise ValueError(f"{match[0][:60] if match else rest[:20]} would have to be evaluated")
    return Variable(said[1])
