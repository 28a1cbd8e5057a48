"""systemd's timers with the services that they start (systemd.timer(5), systemd.service(5))."""

from typing import Final

from tocsin_cli.importing.calendar_events import to_cron
from tocsin_cli.importing.converted import CannotConvert, Converted, Json, paused_because
from tocsin_cli.importing.references import as_text
from tocsin_cli.importing.shell_words import nobody_sets
from tocsin_cli.importing.unit_commands import plain, read_commands
from tocsin_cli.importing.unit_files import Unit, span_secs

#: Missed instants are made up for after as long as a job may look back.
_PERSISTENT_SECS: Final = 31 * 86_400
#: What is read, and what changes nothing about what a job does; the rest is told.
_KNOWN: Final = {
    "Unit": frozenset({"Description", "Documentation", "After", "Before", "DefaultDependencies"}),
    "Timer": frozenset(
        {
            "OnCalendar", "OnUnitActiveSec", "OnUnitInactiveSec", "OnBootSec", "OnStartupSec", "OnActiveSec", "Unit",
            "AccuracySec", "Persistent", "RandomizedDelaySec", "FixedRandomDelay",
        }
    ),
    "Service": frozenset(
        {
            "Type", "ExecStart", "ExecStartPre", "ExecCondition", "Environment", "User", "WorkingDirectory",
            "TimeoutStartSec", "TimeoutSec", "RuntimeMaxSec", "StandardOutput", "StandardError", "SyslogIdentifier",
        }
    ),
}  # fmt: skip
_CONDITIONS: Final = ("Condition", "Assert")


def read_timer(name: str, timer: Unit, service: Unit, *, target: Json, timezone: str) -> Converted:
    """The jobs of a timer, `name` without its suffix: one for each of its times. Raises CannotConvert."""
    found = Converted()
    schedules = _schedules(name, timer, timezone, found)
    if not schedules:
        return found
    where = f"{name}.service"
    commands = read_commands(service, where)
    notes, doubts = [*commands.notes, *_left_behind(timer, service)], _conditions(timer, service)
    if commands.unset:
        doubts.append(nobody_sets(commands.unset))
    if service.last("Service", "User") is None:
        notes.append("runs as the agent's account, not as root: its service has no User=")
    task: Json = {"type": "shell", "command": commands.script(), "env": commands.env or None}
    task["working_dir"] = _directory(service, where, notes)
    document: Json = {
        "name": name,
        "description": timer.last("Unit", "Description") or service.last("Unit", "Description"),
        "task": as_text({key: value for key, value in task.items() if value is not None}),
        "target": target,
        # A unit that runs is not started again.
        "max_concurrent": 1,
        "run_as": _plain(service.last("Service", "User"), where),
        "timeout_secs": _timeout_secs(service, where),
        "status": "paused" if doubts else None,
    }
    if (delay := timer.last("Timer", "RandomizedDelaySec")) and (secs := round(span_secs(delay, where))):
        document["jitter_secs"] = secs
        if not _is_true(timer.last("Timer", "FixedRandomDelay")):
            notes.append("the delay is the same each time for the same instant, not a new one each time")
    if _is_true(timer.last("Timer", "Persistent")):
        document["catchup_window_secs"] = _PERSISTENT_SECS
    else:
        document["catchup"] = "none"
    document = {key: value for key, value in document.items() if value is not None}
    notes += paused_because(doubts)
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
            value: Json = {"interval_secs": max(1, round(span_secs(text, f"{name}: {key}")))}
            if counted_from:
                value["counted_from"] = counted_from
            schedules.append(({"type": "interval", "value": value}, timezone))
    for key in ("OnBootSec", "OnStartupSec", "OnActiveSec"):
        if timer.all("Timer", key):
            found.skip(
                f"{name}.timer", f"{key} counts from a boot or from the timer's start, which no job knows"
            )
    return schedules


def _directory(service: Unit, where: str, notes: list[str]) -> str | None:
    directory = _plain(service.last("Service", "WorkingDirectory"), where)
    if directory is None:
        return None
    if "~" in directory:
        raise CannotConvert(
            f"{where}: WorkingDirectory={directory} is not understood; write the directory instead"
        )
    if directory.startswith("-"):
        notes.append("its directory has to be there; a missing one was ignored")
    return directory.removeprefix("-")


def _timeout_secs(service: Unit, where: str) -> int | None:
    """How long it may run: only a `oneshot` is starting all the time."""
    keys = (
        ("TimeoutStartSec", "TimeoutSec")
        if service.last("Service", "Type") == "oneshot"
        else ("RuntimeMaxSec",)
    )
    text = next((text for key in keys if (text := service.last("Service", key))), "infinity")
    secs = 0.0 if text == "infinity" else span_secs(text, where)
    return max(1, round(secs)) if secs else None


def _conditions(timer: Unit, service: Unit) -> list[str]:
    found = [
        f"nobody looks at its {key}={value}"
        for unit in (timer, service)
        for key in unit.others("Unit", _KNOWN["Unit"])
        if key.startswith(_CONDITIONS)
        for value in unit.all("Unit", key)
    ]
    return found + [f"nobody runs its ExecCondition={one}" for one in service.all("Service", "ExecCondition")]


def _left_behind(timer: Unit, service: Unit) -> list[str]:
    """What else stands in the units; sections such as `Install` say nothing about the job."""
    return [
        f"{key} of the {kind} does not come along"
        for kind, unit in (("timer", timer), ("service", service))
        for section, known in _KNOWN.items()
        for key in unit.others(section, known)
        if not (section == "Unit" and key.startswith(_CONDITIONS))
    ]


def _plain(text: str | None, where: str) -> str | None:
    try:
        return None if text is None else plain(text)
    except ValueError as error:
        raise CannotConvert(f"{where}: {error}") from None


def _is_true(text: str | None) -> bool:
    return text is not None and text.lower() in ("1", "yes", "true", "on")
