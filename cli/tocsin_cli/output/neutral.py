"""Text that came from a job or another person, made harmless for a terminal.

Escape sequences in a name or in output could move the cursor, rewrite what was printed, set the window's title or
talk to the clipboard. Tables show every control character in the notation of `cat -v`; logs on a terminal let
colours (SGR) through and nothing else.
"""

import re

#: C0 and C1 controls, DEL, and the characters that reorder or hide text (bidirectional controls and the like).
_BAD = "\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff"
_CONTROL = re.compile(f"[{_BAD}]")
_SGR_OR_CONTROL = re.compile(rf"(\x1b\[[0-9;:]*m)|[{_BAD}]")


def visible(text: str) -> str:
    """One line in which every control character can be seen: for names and messages in tables."""
    return _CONTROL.sub(_shown, text)


def visible_lines(text: str) -> str:
    """The same for text of several lines, whose line ends and tabs stay."""
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join("\t".join(visible(part) for part in line.split("\t")) for line in lines)


def terminal_line(line: str, *, colour: bool) -> str:
    """A line of a job's output for a terminal: tabs stay, colours when wanted, all else becomes visible."""

    def replace(match: re.Match[str]) -> str:
        if match[1]:
            return match[1] if colour else ""
        return "\t" if match[0] == "\t" else _shown(match)

    return _SGR_OR_CONTROL.sub(replace, line.removesuffix("\r"))


def _shown(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 32:
        return f"^{chr(code + 64)}"
    if code == 127:
        return "^?"
    return f"\\x{code:02x}" if code < 256 else f"<U+{code:04X}>"
