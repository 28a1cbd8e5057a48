"""Crontabs: of a user (five fields and a command) and of the system (with the user's name between).

Rules are those of crontab(5) as Debian's cron has them.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from tocsin_cli.importing.both_days import in_both
from tocsin_cli.importing.converted import CannotConvert, Converted, Json, name_from
from tocsin_cli.importing.references import as_text

_ENVIRONMENT: Final = re.compile(
    r"""\s*(?P<name>[A-Za-z_]\w*|"[^"]+"|'[^']+')\s*=\s*(?P<value>.*?)\s*""", re.ASCII
)
_OPEN_STEP: Final = re.compile(r"(\w+)/(\d+)", re.ASCII)
_MACROS: Final = frozenset({"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"})
_DEFAULT_SHELLS: Final = ("/bin/sh", "/usr/bin/sh")
#: What cron itself reads from the environment lines.
_OF_CRON: Final = frozenset(
    {"MAILTO", "MAILFROM", "SHELL", "CRON_TZ", "CONTENT_TYPE", "CONTENT_TRANSFER_ENCODING"}
)


@dataclass(frozen=True, slots=True)
class CrontabOptions:
    """How to read a crontab."""

    #: Lines name the user after the schedule, as in /etc/crontab and /etc/cron.d.
    is_of_system: bool
    #: Whose crontab it is; None: whoever the agent runs as.
    user: str | None
    target: Json
    #: The zone whose clock the host's cron reads.
    timezone: str


@dataclass(slots=True)
class _Surroundings:
    """The environment lines so far."""

    values: dict[str, str] = field(default_factory=dict)


def read_crontab(text: str, where: str, options: CrontabOptions) -> Converted:
    """Every job of a crontab. Raises CannotConvert."""
    found, around = Converted(), _Surroundings()
    for number, line in _lines(text):
        place = f"{where}:{number}"
        environment = _ENVIRONMENT.fullmatch(line)
        if environment is not None:
            around.values[_unquoted(environment["name"])] = _unquoted(environment["value"])
        else:
            _job(line, place, around.values, options, found)
    if found.documents and not options.is_of_system and options.user is None:
        found.notes.append(
            (where, "its jobs run as the agent's account: say whose crontab it is with --user")
        )
    return found


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            yield number, stripped


def _job(line: str, place: str, around: dict[str, str], options: CrontabOptions, found: Converted) -> None:
    notes: list[str] = []
    is_macro = line.startswith("@")
    parts = line.split(None, (1 if is_macro else 5) + options.is_of_system)
    if len(parts) < (2 if is_macro else 6) + options.is_of_system:
        raise CannotConvert(
            f"{place}: no schedule{', user' if options.is_of_system else ''} and command: {line[:80]}"
        )
    command_line = parts.pop()
    user = parts.pop() if options.is_of_system else options.user
    command, stdin = _command_and_stdin(command_line)
    schedule = _schedule(parts, place, notes)
    task: Json = {"type": "shell", "command": _in_shell(command, around.get("SHELL", _DEFAULT_SHELLS[0]))}
    env = {name: value for name, value in around.items() if name not in _OF_CRON}
    if env:
        task["env"] = env
    if stdin is not None:
        task["stdin"] = stdin
    document: Json = {
        "name": name_from("cron", user or "", command),
        "description": f"From {place}: {line}"[:1_000],
        "task": as_text(task),
        "schedule": schedule,
        "timezone": around.get("CRON_TZ") or options.timezone,
        "target": options.target,
    }
    if user is not None:
        document["run_as"] = user
    if (zone := around.get("CRON_TZ")) and schedule != {"type": "on_demand"}:
        notes.append(f"follows the clock of CRON_TZ, {zone}, at which Debian's cron does not look")
    if mail := around.get("MAILTO"):
        notes.append(f"output was mailed to {mail}; it is kept with the execution instead")
    found.add(document, *notes)


def _schedule(parts: list[str], place: str, notes: list[str]) -> Json | str:
    if len(parts) == 1:
        macro = parts[0].lower()
        if macro == "@reboot":
            notes.append(
                "ran at each boot: it runs only on demand now; a unit that calls `tocsin run` can start it"
            )
            return {"type": "on_demand"}
        if macro not in _MACROS:
            raise CannotConvert(f"{place}: {parts[0]} is no schedule")
        return {"type": "cron", "value": macro}
    notes += [
        f"{one} is from {match[1]} on in steps of {match[2]} here; crons take it for {match[1]} alone, or refuse it"
        for part in parts
        for one in part.split(",")
        if (match := _OPEN_STEP.fullmatch(one))
    ]
    minute, hour, day, month, weekday = parts
    if day.startswith("*") or weekday.startswith("*"):
        # Debian's cron looks at the leading star: with one, a day has to fit both.
        try:
            day, weekday = in_both(day, weekday)
        except ValueError as error:
            notes.append(f"runs on demand only: {error}, which cron means by {day} and {weekday}")
            return {"type": "on_demand"}
    return {"type": "cron", "value": f"{minute} {hour} {day} {month} {weekday}"}


def _command_and_stdin(text: str) -> tuple[str, str | None]:
    """`%` ends the command and begins its standard input, in which it stands for a line's end; `\\%` is itself."""
    pieces, position = [""], 0
    while position < len(text):
        char = text[position]
        if char == "\\" and position + 1 < len(text):
            position += 1
            pieces[-1] += text[position] if text[position] == "%" else char + text[position]
        elif char == "%":
            pieces.append("")
        else:
            pieces[-1] += char
        position += 1
    # Its last line is ended if it is not.
    stdin = "\n".join(pieces[1:])
    return pieces[0].strip(), stdin if stdin.endswith("\n") else f"{stdin}\n" if stdin else None


def _in_shell(command: str, shell: str) -> str:
    return command if shell in _DEFAULT_SHELLS else f"exec {shlex.quote(shell)} -c {shlex.quote(command)}"


def _unquoted(text: str) -> str:
    is_quoted = len(text) >= 2 and text[0] in "\"'" and text[-1] == text[0]
    return text[1:-1] if is_quoted else text
