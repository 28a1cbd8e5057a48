"""As much of the shell's quoting as tells which variables a script reads, and as makes a word."""

import re
import shlex
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

_READ: Final = re.compile(r"\$(?:\{([A-Z][A-Z0-9_]+)(?![A-Z0-9_]|:?[-=+?])|([A-Z][A-Z0-9_]+))")
_CAPITALS: Final = re.compile(r"\b[A-Z][A-Z0-9_]+\b")
#: `X=`, `X+=`, and `${X:=...}`, `${X:?...}`, behind which it has a value or the script has ended.
_ASSIGNED: Final = re.compile(r"(?<![\w$])([A-Z][A-Z0-9_]+)(?:\+?=|:[=?]|\?)")
#: What names variables without `=`.
_NAMING: Final = re.compile(r"\b(?:for|read|select|getopts|mapfile|readarray)\b[^\n;|]*")
#: A document in a script whose marker is quoted: nothing in it is filled in.
_QUOTED_DOCUMENT: Final = re.compile(r"<<-?\s*['\"\\]")
_IN_QUOTES: Final = 1
_IN_COMMENT: Final = 2
#: Those that a shell, or an agent for each task, sets.
_SET_ANYWAY: Final = frozenset(
    {
        "HOME", "PATH", "USER", "LOGNAME", "SHELL", "LANG", "PWD", "OLDPWD", "IFS", "PPID", "UID", "EUID", "RANDOM",
        "SECONDS", "LINENO", "HOSTNAME", "HOSTTYPE", "OSTYPE", "REPLY", "OPTARG", "OPTIND", "FUNCNAME", "PIPESTATUS",
        "BASH_SOURCE", "BASH_VERSION", "BASHPID", "SHLVL", "EPOCHSECONDS",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of the environment that stands in a text."""

    name: str


def one_word(pieces: Iterable[str | Variable]) -> str:
    """Texts and variables as one word of the shell, whatever is in them."""
    word, text = "", ""
    for one in pieces:
        if isinstance(one, str):
            text += one
        else:
            word += (shlex.quote(text) if text else "") + f'"${{{one.name}}}"'
            text = ""
    return word + (shlex.quote(text) if text or not word else "")


def kept_as_text(script: str, positions: Collection[int]) -> bool:
    """Whether the shell keeps what stands at any of these positions as it is written, instead of filling it in."""
    places = _places(script)
    return bool(positions) and (
        _QUOTED_DOCUMENT.search(script) is not None or any(places[at] == _IN_QUOTES for at in positions)
    )


def unset_variables(script: str, known: Collection[str]) -> list[str]:
    """Variables in capitals that a script reads, but neither it nor the environment (`known`) sets."""
    if script.startswith("#!") and not re.match(r"#![^\n]*sh\b", script):
        return []
    places = _places(script)
    are_set = {*known, *_SET_ANYWAY, *_ASSIGNED.findall(script)}
    for line in _NAMING.findall(script):
        are_set.update(_CAPITALS.findall(line))
    read = (
        match[1] or match[2]
        for match in _READ.finditer(script)
        if not places[match.start()] and not _is_escaped(script, match.start())
    )
    return [name for name in dict.fromkeys(read) if name not in are_set and not name.startswith("TOCSIN_")]


def nobody_sets(names: Sequence[str]) -> str:
    """That a script would find variables empty."""
    more = f" and {len(names) - 10} others" if len(names) > 10 else ""
    return f"nobody sets ${', $'.join(names[:10])}{more} here"


def _is_escaped(script: str, position: int) -> bool:
    start = position
    while start and script[start - 1] == "\\":
        start -= 1
    return (position - start) % 2 == 1


def _places(script: str) -> bytearray:
    """For each position, and the end, whether it stands in single quotes or in a comment, or neither (0)."""
    found, quote, position = bytearray(len(script) + 1), "", 0
    # Between double quotes single ones are text, but not inside of a command that stands there.
    has_command = is_quoted_there = False
    while position < len(script):
        found[position] = _IN_QUOTES if quote == "'" or is_quoted_there else 0
        char = script[position]
        if quote == "'":
            quote = "" if char == "'" else quote
        elif char == "\\":
            position += 1
        elif char == '"':
            quote, has_command, is_quoted_there = "" if quote else '"', False, False
        elif char == "'":
            if not quote:
                quote = "'"
            is_quoted_there ^= has_command
        elif quote and (char == "`" or script.startswith("$(", position)):
            has_command = True
        elif char == "#" and not quote and (position == 0 or script[position - 1] in " \t\n;&|("):
            end = (script.find("\n", position) + 1 or len(script) + 1) - 1
            found[position:end] = bytes([_IN_COMMENT]) * (end - position)
            position = end
        position += 1
    found[-1] = _IN_QUOTES if quote == "'" or is_quoted_there else 0
    return found
