"""Declarative Jenkinsfiles: a job for each stage, which waits for the one before it."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from tocsin_cli.importing.converted import CannotConvert, Converted, Json, name_from, paused_because
from tocsin_cli.importing.groovy_blocks import Statement, arguments, parse
from tocsin_cli.importing.groovy_texts import literal, pieces, shell_script, texts
from tocsin_cli.importing.jenkins import (
    JenkinsOptions,
    add_timed,
    parameter,
    shell_task,
    unset_by_us,
)
from tocsin_cli.importing.jenkins_timers import read_timers
from tocsin_cli.importing.references import as_text
from tocsin_cli.importing.shell_words import one_word

_KINDS: Final = {"string": "text", "text": "text", "booleanParam": "boolean", "choice": "select"}
#: Steps that report or keep what others did: without them a stage still does its work.
_REPORTING: Final = frozenset(
    {"junit", "archiveArtifacts", "publishHTML", "cleanWs", "deleteDir", "timestamps"}
)
#: What begins statements that only name something.
_DEFINITIONS: Final = ("def ", "import ", "package ", "@", "#!")


@dataclass(slots=True)
class _Pipeline:
    """What holds for all stages."""

    env: dict[str, str] = field(default_factory=dict)
    parameters: list[Json] = field(default_factory=list)
    timers: list[str] = field(default_factory=list)
    zone: str | None = None
    stages: list[Statement] = field(default_factory=list)
    is_one_at_a_time: bool = False
    notes: list[str] = field(default_factory=list)
    #: Why its jobs must not run before somebody has looked at them.
    doubts: list[str] = field(default_factory=list)


def read_jenkinsfile(text: str, name: str, options: JenkinsOptions) -> Converted:
    """Raises CannotConvert."""
    try:
        statements = parse(text)
        blocks = [one.body for one in statements if one.head == "pipeline" and one.body is not None]
        if len(blocks) != 1:
            raise ValueError("no declarative pipeline: scripted ones are programs, which can't be converted")
        pipeline = _read(blocks[0])
        _around([one for one in statements if one.head != "pipeline"], pipeline)
        found = Converted()
        before: str | None = None
        for stage in pipeline.stages:
            before = _stage(stage, name, before, pipeline, options, found) or before
    except ValueError as error:
        raise CannotConvert(f"{name}: {error}") from None
    if not found.documents:
        found.skip(name, "it has no stages with steps")
    return found


def _read(body: list[Statement]) -> _Pipeline:
    pipeline = _Pipeline()
    for part in body:
        match part.head.partition("(")[0].partition(" ")[0]:
            case "stages":
                pipeline.stages = [one for one in part.body or [] if one.head.startswith("stage")]
            case "triggers":
                _triggers(part.body or [], pipeline)
            case "parameters":
                _parameters(part.body or [], pipeline)
            case "environment":
                _environment(part.body or [], pipeline.env, pipeline.doubts)
            case "options":
                for option in part.body or []:
                    if option.head.startswith("disableConcurrentBuilds"):
                        pipeline.is_one_at_a_time = True
                    else:
                        pipeline.notes.append(f"its option {option.head[:60]} does not come along")
            case "agent":
                _agent(part, pipeline.notes, pipeline.doubts)
            case other:
                pipeline.notes.append(f"its part {other} does not come along")
    return pipeline


def _around(statements: list[Statement], pipeline: _Pipeline) -> None:
    """What stands beside the pipeline: definitions do nothing by themselves, and texts that use them are doubts."""
    for one in statements:
        if one.head.startswith(_DEFINITIONS):
            pipeline.notes.append(f"'{one.head[:60]}' does not come along")
        else:
            pipeline.doubts.append(f"'{one.head[:60]}' beside its pipeline has no counterpart")


def _triggers(body: list[Statement], pipeline: _Pipeline) -> None:
    for trigger in body:
        name, _, plain = arguments(trigger.head)
        if name == "cron" and plain:
            timers = read_timers(literal(plain[0]))
            pipeline.timers += timers.crons
            pipeline.notes += timers.notes
            pipeline.zone = timers.zone or pipeline.zone
        else:
            pipeline.notes.append(f"its trigger {trigger.head[:60]} does not come along")


def _parameters(body: list[Statement], pipeline: _Pipeline) -> None:
    for one in body:
        kind, named, _ = arguments(one.head)
        if kind not in _KINDS or "name" not in named:
            pipeline.doubts.append(f"its parameter {one.head[:60]} has no counterpart")
            continue
        try:
            pipeline.parameters.append(_parameter(_KINDS[kind], named))
        except ValueError as error:
            pipeline.doubts.append(f"its parameter {one.head[:60]} can't be read: {error}")


def _parameter(kind: str, named: dict[str, str]) -> Json:
    """Raises ValueError."""
    default = named.get("defaultValue")
    if kind != "boolean":
        default = None if default is None else literal(default)
    elif default not in (None, "true", "false"):
        raise ValueError(f"{default} would have to be evaluated")
    choices = texts(named.get("choices", ""))
    if len(choices) == 1:
        choices = choices[0].splitlines()
    if kind == "select" and not choices:
        raise ValueError("its choices would have to be evaluated")
    description = literal(named["description"]) if "description" in named else None
    return parameter(literal(named["name"]), kind, default, choices, description)


def _environment(body: list[Statement], env: dict[str, str], doubts: list[str]) -> None:
    for one in body:
        name, equals, value = one.head.partition("=")
        try:
            if not equals:
                raise ValueError(f"'{one.head[:60]}' is no assignment")
            text = literal(value)
            if "$" in text:
                raise ValueError("it holds another variable")
            env[name.strip()] = text
        except ValueError as error:
            doubts.append(f"the variable {name.strip()[:60]} of its environment is not set: {error}")


def _agent(part: Statement, notes: list[str], doubts: list[str]) -> None:
    for inner in part.body or []:
        kind = inner.head.split()[0] if inner.head else ""
        if kind == "label":
            notes.append(f"ran on nodes with the {inner.head}: say where with --target")
        else:
            doubts.append(f"its agent {kind} has no counterpart")


def _stage(
    stage: Statement,
    name: str,
    before: str | None,
    pipeline: _Pipeline,
    options: JenkinsOptions,
    found: Converted,
) -> str | None:
    """The name of its job; None when there is none."""
    _, _, plain = arguments(stage.head)
    title = literal(plain[0]) if plain else "stage"
    env, notes, doubts = (
        dict(pipeline.env),
        list(pipeline.notes if before is None else ()),
        list(pipeline.doubts),
    )
    steps: list[Statement] = []
    for part in stage.body or []:
        if part.head == "steps":
            steps += part.body or []
        elif part.head == "environment":
            _environment(part.body or [], env, doubts)
        elif part.head.startswith("agent"):
            _agent(part, notes, doubts)
        elif part.head == "post":
            notes.append("what follows it (post) does not come along")
        else:
            doubts.append(f"its part {part.head[:60]} has no counterpart")
    known = {*env, *(str(one["name"]) for one in pipeline.parameters)}
    scripts = _steps(steps, known, notes, doubts)
    doubts += unset_by_us(scripts, known)
    try:
        task = shell_task(scripts or ["#!/bin/sh\n:"], pipeline.parameters)
    except ValueError as error:
        found.skip(f"{name}: {title}", str(error))
        return None
    task["env"] |= as_text(env)
    document: Json = {
        "name": name_from(name, title),
        "task": task,
        "target": options.target,
        "parameters": pipeline.parameters or None,
        "max_concurrent": 1 if pipeline.is_one_at_a_time else None,
        "status": "paused" if doubts else None,
        "depends_on": [{"job": before}] if before else None,
    }
    if before and pipeline.parameters:
        notes.append("gets the defaults of its parameters when the stage before it starts it")
    notes += paused_because(doubts)
    first = pipeline.timers if before is None else []
    if len(first) > 1:
        notes.append(
            f"has more than one timer, of which only '{first[0]}' comes along: later stages wait for one job"
        )
    add_timed(found, document, first[:1], pipeline.zone or options.timezone, notes)
    return str(found.documents[-1]["name"])


def _steps(body: list[Statement], known: Collection[str], notes: list[str], doubts: list[str]) -> list[str]:
    scripts: list[str] = []
    for step in body:
        name, named, plain = arguments(step.head)
        try:
            if step.body is None and name == "sh" and set(named) <= {"script", "label"} and (plain or named):
                scripts.append(shell_script(named.get("script") or plain[0], known))
            elif step.body is None and name == "echo" and plain:
                scripts.append(f"#!/bin/sh\nprintf '%s\\n' {one_word(pieces(plain[0], known))}")
            elif name in _REPORTING:
                notes.append(f"its step {name} does not come along")
            else:
                doubts.append(f"its step {step.head[:60]} has no counterpart")
        except (ValueError, IndexError) as error:
            doubts.append(f"its step {name} can't be read: {error}")
    return scripts
