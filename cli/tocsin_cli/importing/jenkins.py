"""Jenkins' jobs: `config.xml` of freestyle jobs. Pipelines are in `jenkins_pipelines`."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree as Xml

from tocsin_cli.importing.converted import CannotConvert, Converted, Json, paused_because
from tocsin_cli.importing.jenkins_timers import read_timers
from tocsin_cli.importing.references import as_text
from tocsin_cli.importing.script_files import LONGEST_SCRIPT_BYTES, interpreter_of, run_script
from tocsin_cli.importing.shell_words import nobody_sets, unset_variables

#: `ParametersDefinitionProperty` is read; the others say nothing about what a job does.
_QUIET_PROPERTIES: Final = frozenset(
    {"ParametersDefinitionProperty", "BuildDiscarderProperty", "GithubProjectProperty"}
)
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TIMER: Final = "hudson.triggers.TimerTrigger"
_SHELL: Final = "hudson.tasks.Shell"
_PARAMETERS: Final = {
    "StringParameterDefinition": "text",
    "TextParameterDefinition": "text",
    "BooleanParameterDefinition": "boolean",
    "ChoiceParameterDefinition": "select",
}
#: Parts of a job that change nothing about what it does, and those that are read.
_QUIET: Final = frozenset(
    {
        "actions", "description", "keepDependencies", "properties", "canRoam", "disabled", "triggers", "builders",
        "concurrentBuild", "assignedNode", "publishers", "buildWrappers", "scm", "logRotator",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class JenkinsOptions:
    """How to read jobs."""

    target: Json
    #: The zone whose clock Jenkins reads.
    timezone: str


def read_config(root: Xml.Element, name: str, options: JenkinsOptions) -> Converted:
    """The jobs of a freestyle job's configuration: one for each of its timers. Raises CannotConvert."""
    if root.tag != "project":
        raise CannotConvert(
            f"{name}: '{root.tag}' is no freestyle job: export the Jenkinsfile of a pipeline instead"
        )
    found, notes, doubts = Converted(), list[str](), list[str]()
    parameters = _parameters(root, doubts)
    steps = list(root.iterfind("./builders/*"))
    try:
        scripts = [_command(step, notes) for step in steps]
        task = shell_task(scripts, parameters)
        doubts += unset_by_us(scripts, task["env"])
        schedules, zone = _timers(root, notes)
    except ValueError as error:
        found.skip(name, str(error))
        return found
    document: Json = {
        "name": name,
        "description": (root.findtext("description") or "")[:10_000] or None,
        "task": task,
        "target": options.target,
        "parameters": parameters or None,
        "max_concurrent": None if root.findtext("concurrentBuild") == "true" else 1,
        # A build that waits while another runs is one, however often it was asked for.
        "overlap": None if root.findtext("concurrentBuild") == "true" else "queue",
        "max_queued": None if root.findtext("concurrentBuild") == "true" else 1,
        "status": "paused" if doubts or root.findtext("disabled") == "true" else None,
    }
    if label := root.findtext("assignedNode"):
        notes.append(f"ran on nodes with the label {label}: say where with --target")
    notes += _left_behind(root) + paused_because(doubts)
    add_timed(found, document, schedules, zone or options.timezone, notes)
    return found


def add_timed(
    found: Converted, document: Json, schedules: list[str], timezone: str, notes: list[str]
) -> None:
    """A job for each timer; one on demand without."""
    clean = {key: value for key, value in document.items() if value is not None}
    if not schedules:
        found.add(clean | {"schedule": {"type": "on_demand"}}, *notes)
    for cron in schedules:
        found.add(clean | {"schedule": {"type": "cron", "value": cron}, "timezone": timezone}, *notes)
        notes = []


def shell_task(scripts: list[str], parameters: list[Json]) -> Json:
    """One after the other until one fails, each by its interpreter. Raises ValueError."""
    if not scripts:
        raise ValueError("it has no shell steps")
    env = {one["name"]: f"{{{{params.{one['name']}}}}}" for one in parameters}
    commands: list[str] = []
    for number, script in enumerate(scripts, 1):
        if len(script.encode()) > LONGEST_SCRIPT_BYTES:
            raise ValueError(
                f"its step {number} is longer than {LONGEST_SCRIPT_BYTES} bytes: bring it to the hosts"
            )
        variable = f"STEP_{number}_SCRIPT"
        env[variable] = as_text(script)
        # Jenkins runs what has no first line of its own by `sh -xe`.
        run = f'{interpreter_of(script) if script.startswith("#!") else "/bin/sh -xe"} "$script"'
        commands.append(run_script(variable, run))
    command = commands[0] if len(commands) == 1 else " && ".join(f"(\n{one}\n)" for one in commands)
    return {"type": "shell", "command": command, "env": env}


def unset_by_us(scripts: list[str], env: Collection[str]) -> list[str]:
    """Why scripts must not run as they are: they would find variables of Jenkins or of its nodes empty."""
    names = list(dict.fromkeys(name for script in scripts for name in unset_variables(script, env)))
    return [nobody_sets(names)] if names else []


def _command(step: Xml.Element, notes: list[str]) -> str:
    if step.tag != _SHELL:
        raise ValueError(f"there is no counterpart of its build step {step.tag}")
    if (code := step.findtext("unstableReturn") or "0") != "0":
        notes.append(f"fails with the exit code {code}, which made its build unstable")
    return (step.findtext("command") or "").replace("\r\n", "\n")


def _timers(root: Xml.Element, notes: list[str]) -> tuple[list[str], str | None]:
    found: list[str] = []
    zone: str | None = None
    for trigger in root.iterfind("./triggers/*"):
        if trigger.tag == _TIMER:
            timers = read_timers(trigger.findtext("spec") or "")
            found += timers.crons
            notes += timers.notes
            zone = timers.zone or zone
        else:
            notes.append(f"its trigger {trigger.tag} does not come along")
    return found, zone


def _parameters(root: Xml.Element, doubts: list[str]) -> list[Json]:
    found: list[Json] = []
    for one in root.iterfind(".//parameterDefinitions/*"):
        kind = _PARAMETERS.get(one.tag.rpartition(".")[2])
        name = (one.findtext("name") or "").strip()
        if kind is None or not _VARIABLE.fullmatch(name):
            doubts.append(f"its parameter {name} ({one.tag.rpartition('.')[2]}) has no counterpart")
            continue
        choices = [choice.text or "" for choice in one.iterfind(".//string")]
        found.append(
            parameter(name, kind, one.findtext("defaultValue"), choices, one.findtext("description"))
        )
    return found


def parameter(name: str, kind: str, default: str | None, choices: list[str], description: str | None) -> Json:
    """In Jenkins each has a value: the first choice, false, or nothing."""
    found: Json = {"name": name, "param_type": kind, "default": default or ""}
    if kind == "boolean":
        found["default"] = default == "true"
    elif kind == "select":
        found |= {"options": list(dict.fromkeys(choices)), "default": choices[0] if choices else ""}
    if description:
        found["description"] = description[:1_000]
    return found


def _left_behind(root: Xml.Element) -> list[str]:
    notes: list[str] = []
    for part, what in (
        ("publishers", "what follows its build"),
        ("buildWrappers", "the surroundings of its build"),
    ):
        tags = [one.tag for one in root.iterfind(f"./{part}/*")]
        if tags:
            notes.append(f"{what} does not come along: {', '.join(tags)}")
    scm = root.find("scm")
    if scm is not None and not str(scm.get("class", "")).endswith("NullSCM"):
        notes.append("does not check out its sources: its steps have to")
    notes += [
        f"its property {one.tag} does not come along"
        for one in root.iterfind("./properties/*")
        if one.tag.rpartition(".")[2] not in _QUIET_PROPERTIES
    ]
    # A switch that is off says nothing.
    return notes + [
        f"{one.tag} does not come along"
        for one in root
        if one.tag not in _QUIET and (len(one) or (one.text or "").strip() not in ("", "false"))
    ]


def is_xml(text: str) -> bool:
    """Whether this is a configuration, not a Jenkinsfile."""
    return text.lstrip().startswith("<")
