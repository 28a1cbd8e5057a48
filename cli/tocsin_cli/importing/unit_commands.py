"""What a service runs, as a command of the shell (systemd.service(5), "Command lines"; systemd.exec(5))."""

import re
import shlex
from dataclasses import dataclass, field
from typing import Final

from tocsin_cli.importing.converted import CannotConvert
from tocsin_cli.importing.shell_words import Variable, one_word, unset_variables
from tocsin_cli.importing.unit_files import Unit, commands, words

_PREFIXES: Final = re.compile(r"[@\-:+!|]*")
_PUT_IN: Final = re.compile(r"\$\$|\$\{([^}]*)\}")
_SHELL: Final = re.compile(r"(?:^|/)[a-z]*sh$")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: systemd and agents set them for every command.
_ALWAYS: Final = frozenset({"HOME", "USER", "LOGNAME", "SHELL", "PATH", "LANG"})


@dataclass(slots=True)
class Commands:
    """What a service runs, and in which environment."""

    lines: list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    #: Variables that it reads and nobody sets.
    unset: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    #: Whether a word is split at its blanks, without looking for files.
    is_split: bool = False

    def script(self) -> str:
        """One after the other, until one fails."""
        joined = " && ".join(self.lines)
        return f"set -f\n{joined}" if self.is_split else joined


def read_commands(service: Unit, where: str) -> Commands:
    """Raises CannotConvert."""
    found = Commands()
    try:
        for line in service.all("Service", "Environment"):
            found.env |= dict(plain(one).split("=", 1) for one in words(line) if "=" in one)
        is_other_user = service.last("Service", "User") not in (None, "root", "0")
        for key in ("ExecStartPre", "ExecStart"):
            for line in service.all("Service", key):
                found.lines += [_command(command, is_other_user, found) for command in commands(line)]
    except ValueError as error:
        raise CannotConvert(f"{where}: {error}") from None
    if not service.all("Service", "ExecStart"):
        raise CannotConvert(f"{where}: no ExecStart")
    found.unset = list(dict.fromkeys(found.unset))
    return found


def plain(text: str) -> str:
    """A value without specifiers, of which `%%` alone is understood. Raises ValueError."""
    if "%" in text.replace("%%", ""):
        raise ValueError("specifiers such as %i are not understood; write their values instead")
    return text.replace("%%", "%")


def _command(said: list[str], is_other_user: bool, found: Commands) -> str:
    said = [plain(word) for word in said]
    prefixes = _PREFIXES.match(said[0])
    marks = prefixes[0] if prefixes else ""
    program = said[0][len(marks) :]
    if "|" in marks or not program:
        raise ValueError(f"the command {said[0]} is not understood")
    arguments = said[1:]
    if "@" in marks and arguments:
        found.notes.append(f"{program} is called by its own name, not as {arguments.pop(0)}")
    if is_other_user and ("+" in marks or "!" in marks):
        found.notes.append(f"{program} runs as the same account as the rest, not with all privileges")
    is_text = ":" in marks
    line = (
        shlex.join([program, *arguments])
        if is_text
        else " ".join(_word(one, found) for one in (program, *arguments))
    )
    if _SHELL.search(program):
        scripts = arguments if is_text else [one.replace("$$", "$") for one in arguments]
        found.unset += [name for one in scripts for name in unset_variables(one, {*found.env, *_ALWAYS})]
    # A failure that systemd ignores, the shell ignores too.
    return f"{{ {line} || true; }}" if "-" in marks else line


def _word(word: str, found: Commands) -> str:
    """As the shell needs it: systemd, which is none, fills in `${NAME}`, and `$NAME` where it stands alone."""
    if word.startswith("$") and _NAME.fullmatch(word[1:]):
        found.is_split = True
        _reads(word[1:], found)
        return word  # split at its blanks, by both
    pieces: list[str | Variable] = []
    position = 0
    for match in _PUT_IN.finditer(word):
        pieces.append(word[position : match.start()])
        position = match.end()
        if match[0] == "$$":
            pieces.append("$")
        elif _NAME.fullmatch(match[1]):
            pieces.append(Variable(match[1]))
            _reads(match[1], found)
        else:
            raise ValueError(f"{match[0][:60]} is not understood; write $$ for a $ that the command gets")
    return one_word([*pieces, word[position:]])


def _reads(name: str, found: Commands) -> None:
    if name not in found.env and name not in _ALWAYS:
        found.unset.append(name)
