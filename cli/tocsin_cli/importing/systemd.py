"""systemd's timers with the services that they start (systemd.timer(5), systemd.service(5))."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tocsin_cli.importing.calendar_events import to_cron
from tocsin_cli.importing.converted import CannotConvert, Converted, Json

_UNITS: Final = {
    "us": 1e-6, "ms": 1e-3, "": 1, "s": 1, "sec": 1, "second": 1, "seconds": 1, "m": 60, "min": 60, "minute": 60,
    "minutes": 60, "h": 3_600, "hr": 3_600, "hour": 3_600, "hours": 3_600, "d": 86_400, "day": 86_400,
    "days": 86_400, "w": 604_800, "week": 604_800, "weeks": 604_800,
}  # fmt: skip
_SPAN: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)")
#: Missed instants are made up for after as long as a job may look back.
_PERSISTENT_SECS: Final = 31 * 86_400
_LEFT_BEHIND: Final = (
    "EnvironmentFile", "LoadCredential", "PrivateTmp", "ProtectSystem", "MemoryMax", "CPUQuota", "ExecStartPost",
)  # fmt: skip
_IGNORED_PREFIXES: Final = "@-:+!"


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit's file: every value of every key, by section."""

    sections: Mapping[str, Mapping[str, Sequence[str]]]

    def all(self, section: str, key: str) -> list[str]:
        """The values in order; an empty one takes back those before it."""
        found: list[str] = []
        for value in self.sections.get(section, {}).get(key, ()):
            found = [*found, value] if value else []
        return found

    def last(self, section: str, key: str) -> str | None:
        """The value that counts."""
        found = self.all(section, key)
        return found[-1] if found else None


def read_unit(text: str, where: str) -> Unit:
    """Raises CannotConvert."""
    sections: dict[str, dict[str, list[str]]] = {}
    section: dict[str, list[str]] | None = None
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            continue
        if stripped.startswith("[") and stripped.endswith("]"):
            section = sections.setdefault(stripped[1:-1], {})
            continue
        key, equals, value = stripped.partition("=")
        if section is None or not equals:
            raise CannotConvert(f"{where}: no unit file: {stripped[:80]}")
        section.setdefault(key.strip(), []).append(value.strip())
    return Unit(sections)


def read_timer(name: str, timer: Unit, service: Unit, *, target: Json, timezone: str) -> Converted:
    """The jobs of a timer, `name` without its suffix: one for each of its times. Raises CannotConvert."""
    found = Converted()
    schedules = _schedules(name, timer, timezone, found)
    if not schedules:
        return found
    task, notes = _task(name, service)
    document: Json = {
        "name": name,
        "description": timer.last("Unit", "Description") or service.last("Unit", "Description"),
        "task": task,
        "target": target,
        # A unit that runs is not started again.
        "max_concurrent": 1,
    }
    if user := service.last("Service", "User"):
        document["run_as"] = user
    if (timeout := service.last("Service", "TimeoutStartSec")) and timeout != "infinity":
        document["timeout_secs"] = max(1, round(_secs(timeout, f"{name}: TimeoutStartSec")))
    if delay := timer.last("Timer", "RandomizedDelaySec"):
        document["jitter_secs"] = round(_secs(delay, f"{name}: RandomizedDelaySec"))
        notes.append("the delay is the same each time for the same instant, not a new one each time")
    if _is_true(timer.last("Timer", "Persistent")):
        document["catchup_window_secs"] = _PERSISTENT_SECS
    else:
        document["catchup"] = "none"
    document = {key: value for key, value in document.items() if value is not None}
    for schedule, zone in schedules:
        found.add({**document, "schedule": schedule, "timezone": zone}, *notes)
        notes = []
    return found


def _schedules(name: str, timer: Unit, timezone: str, found: Converted) -> list[tuple[Json, str]]:
    schedules: list[tuple[Json, str]] = []
    for text in timer.all("Timer", "OnCalendar"):
        try:
            cron, zone = to_cron(text)
        except ValueError as error:
            found.skip(f"{name}.timer", f"OnCalendar={text}: {error}")
            continue
        schedules.append(({"type": "cron", "value": cron}, zone or timezone))
    for key, counted_from in (("OnUnitActiveSec", None), ("OnUnitInactiveSec", "finish")):
        for text in timer.all("Timer", key):
            value: Json = {"interval_secs": max(1, round(_secs(text, f"{name}: {key}")))}
            if counted_from:
                value["counted_from"] = counted_from
            schedules.append(({"type": "interval", "value": value}, timezone))
    for key in ("OnBootSec", "OnStartupSec", "OnActiveSec"):
        if timer.all("Timer", key):
            found.skip(
                f"{name}.timer", f"{key} counts from a boot or from the timer's start, which no job knows"
            )
    return schedules


def _task(name: str, service: Unit) -> tuple[Json, list[str]]:
    lines = [*service.all("Service", "ExecStartPre"), *service.all("Service", "ExecStart")]
    commands = [_command(line) for line in lines]
    if not commands:
        raise CannotConvert(f"{name}.service: no ExecStart")
    if any("%" in command.replace("%%", "") for command in commands):
        raise CannotConvert(
            f"{name}.service: specifiers such as %i are not understood; write their values instead"
        )
    task: Json = {"type": "shell", "command": " && ".join(commands).replace("%%", "%")}
    if directory := service.last("Service", "WorkingDirectory"):
        task["working_dir"] = directory
    env: dict[str, str] = {}
    for line in service.all("Service", "Environment"):
        env |= dict(one.split("=", 1) for one in shlex.split(line) if "=" in one)
    if env:
        task["env"] = env
    left = [key for key in _LEFT_BEHIND if service.all("Service", key)]
    return task, [f"{key} of the service does not come along" for key in left]


def _command(line: str) -> str:
    """Without the prefixes that say how systemd starts it; a failure that it ignores, the shell ignores too."""
    text = line.lstrip(_IGNORED_PREFIXES)
    prefixes = line[: len(line) - len(text)]
    command = " ".join(_word(word) for word in shlex.split(text))
    return f"{{ {command} || true; }}" if "-" in prefixes else command


def _word(word: str) -> str:
    """As the shell needs it: to systemd, which is none, all but `$` is text."""
    if "$" not in word:
        return shlex.quote(word)
    if re.fullmatch(r"\$[A-Za-z_]\w*", word):
        return word  # split at its blanks, by both
    escaped = re.sub(r'([\\"`])', r"\\\1", word).replace("$$", "\\$")
    return f'"{escaped}"'


def _secs(text: str, where: str) -> float:
    """`1h 30min`, `90`. Raises CannotConvert."""
    secs, position = 0.0, 0
    while position < len(text.rstrip()):
        part = _SPAN.match(text, position)
        if part is None or part[2] not in _UNITS:
            raise CannotConvert(f"{where}: '{text}' is no span of time")
        secs += float(part[1]) * _UNITS[part[2]]
        position = part.end()
    return secs


def _is_true(text: str | None) -> bool:
    return text is not None and text.lower() in ("1", "yes", "true", "on")
