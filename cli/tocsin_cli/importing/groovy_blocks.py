"""As much of Groovy as a declarative Jenkinsfile needs: statements, blocks and calls. Texts are in `groovy_texts`."""

import re
from dataclasses import dataclass
from typing import Final

from tocsin_cli.importing.groovy_texts import TEXT

_COMMENT: Final = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)


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
        elif literal := TEXT.match(text, position):
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
        if found := TEXT.match(text, position):
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
