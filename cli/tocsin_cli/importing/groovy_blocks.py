"""As much of Groovy as a declarative Jenkinsfile needs: statements, blocks and literal texts. Nothing is evaluated."""

import re
from dataclasses import dataclass
from typing import Final

_TEXT: Final = re.compile(
    r'"""(?:\\.|[^\\])*?"""|\'\'\'(?:\\.|[^\\])*?\'\'\'|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL
)
_COMMENT: Final = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "\n": ""}


@dataclass(frozen=True, slots=True)
class Statement:
    """What stands before a block or the line's end, and the block if there is one."""

    head: str
    body: "list[Statement] | None" = None


def parse(text: str) -> list[Statement]:
    """Raises ValueError for braces that do not match."""
    statements, position = _block(text, 0)
    if position < len(text):
        raise ValueError("a } closes nothing")
    return statements


def _block(text: str, position: int) -> tuple[list[Statement], int]:
    """Up to the brace that closes it, or the end."""
    found: list[Statement] = []
    head, depth = "", 0
    while position < len(text):
        if skipped := _COMMENT.match(text, position):
            position = skipped.end()
        elif literal := _TEXT.match(text, position):
            head, position = head + literal[0], literal.end()
        elif text[position] == "{" and depth == 0:
            body, end = _block(text, position + 1)
            if end >= len(text):
                raise ValueError("a { is not closed")
            found.append(Statement(head.strip(), body))
            head, position = "", end + 1
        elif text[position] == "}" and depth == 0:
            break
        else:
            char = text[position]
            depth += (char in "([") - (char in ")]")
            if char in "\n;" and depth <= 0 and not head.rstrip().endswith(","):
                found += [Statement(head.strip())] if head.strip() else []
                head = ""
            else:
                head += char
            position += 1
    found += [Statement(head.strip())] if head.strip() else []
    return found, position


def literal(text: str) -> str:
    """The text that a literal means. Raises ValueError for anything else, and for what would have to be evaluated.

    `${params.X}` and `${env.X}` in double quotes become the variable of a shell that has the same value.
    """
    text = text.strip()
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ValueError(f"'{text[:60]}' is no literal text")
    quote = text[:3] if text[:3] in ("'''", '"""') else text[0]
    inner = text[len(quote) : -len(quote)]
    if quote.startswith('"'):
        inner = re.sub(r"(?<!\\)\$\{(?:params|env)\.(\w+)\}", r"${\1}", inner)
        if others := [
            one for one in re.findall(r"(?<!\\)\$\{([^}]*)\}", inner) if not re.fullmatch(r"\w+", one)
        ]:
            raise ValueError(f"${{{others[0][:60]}}} would have to be evaluated")
    return re.sub(r"\\(.)", lambda one: _ESCAPES.get(one[1], one[1]), inner, flags=re.DOTALL)


def arguments(head: str) -> tuple[str, dict[str, str], list[str]]:
    """The name of a call, its named arguments and the others, as they are written."""
    match = re.match(r"(\w+)\s*\(?(.*?)\)?\s*$", head, re.DOTALL)
    if match is None:
        return head, {}, []
    named: dict[str, str] = {}
    plain: list[str] = []
    for part in _split(match[2]):
        pair = re.match(r"(\w+)\s*:\s*(.+)$", part, re.DOTALL)
        if pair:
            named[pair[1]] = pair[2].strip()
        elif part:
            plain.append(part)
    return match[1], named, plain


def _split(text: str) -> list[str]:
    """At its commas, which are neither in a text nor in brackets."""
    parts, depth, position = [""], 0, 0
    while position < len(text):
        if found := _TEXT.match(text, position):
            parts[-1] += found[0]
            position = found.end()
            continue
        char = text[position]
        depth += (char in "([") - (char in ")]")
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
        position += 1
    return [part.strip() for part in parts]


def texts(listed: str) -> list[str]:
    """Those of a list of literals."""
    return [literal(found[0]) for found in _TEXT.finditer(listed)]
