"""The steps of a Rundeck job as one shell command."""

import re
from typing import Any, Final

from tocsin_cli.importing.converted import Json
from tocsin_cli.importing.references import as_text
from tocsin_cli.importing.script_files import LONGEST_SCRIPT_BYTES, interpreter_of, run_script

_OPTION: Final = re.compile(r"\$\{(?:unquoted)?option\.([^}]+)\}")
_OPTION_IN_SCRIPT: Final = re.compile(r"@option\.([^@\s]+)@")
_OTHER: Final = re.compile(
    r"\$\{(?:job|node|globals|data|export|execution|file)[.*:][^}]*\}|@(?:job|node|globals)\.[^@\s]+@"
)


def param_name(option: str) -> str:
    """What an option is called as a parameter."""
    return re.sub(r"[^A-Za-z0-9_]", "_", option)


def to_shell(sequence: Any, notes: list[str]) -> tuple[str, dict[str, str]]:
    """The command, and what its environment must hold. Raises ValueError for a step that has no counterpart."""
    steps = sequence.get("commands") if isinstance(sequence, dict) else sequence
    if not isinstance(steps, list) or not steps:
        raise ValueError("it has no steps")
    env: dict[str, str] = {}
    commands = [_step(step, number, env, notes) for number, step in enumerate(steps, 1)]
    strategy = (sequence.get("strategy") if isinstance(sequence, dict) else None) or "node-first"
    if len(commands) > 1 and strategy != "node-first":
        notes.append(f"its steps run one after the other on each host, not by the strategy {strategy}")
    if len(commands) == 1:
        return commands[0], env
    if str(sequence.get("keepgoing") if isinstance(sequence, dict) else "").lower() == "true":
        lines = [f"(\n{command}\n) || failed=1" for command in commands]
        return "\n".join(["failed=0", *lines, "exit $failed"]), env
    return " && ".join(f"(\n{command}\n)" for command in commands), env


def _step(step: Any, number: int, env: dict[str, str], notes: list[str]) -> str:
    if not isinstance(step, dict):
        raise ValueError(f"step {number} is no step")
    if step.get("errorhandler"):
        notes.append(f"the error handler of its step {number} does not come along")
    text = str(step.get("exec") or step.get("script") or "")
    if others := _OTHER.findall(text + str(step.get("args") or "")):
        notes.append(
            f"its step {number} has {', '.join(dict.fromkeys(others))}, which nobody fills in here: rewrite it"
        )
    if "${unquotedoption." in text + str(step.get("args") or ""):
        notes.append(
            f"a value of ${{unquotedoption.*}} in its step {number} is one word here, whatever is in it"
        )
    if step.get("exec"):
        return _OPTION.sub(_reference, as_text(text))
    if step.get("script"):
        return _script(step, number, env)
    if isinstance(jobref := step.get("jobref"), dict):
        name = "/".join(str(part) for part in (jobref.get("group"), jobref.get("name")) if part)
        raise ValueError(f"step {number} runs the job {name}: make it wait for that one (depends_on) instead")
    for kind in ("scriptfile", "scripturl"):
        if step.get(kind):
            raise ValueError(
                f"step {number} runs {step[kind]}, which Rundeck's server fetches: bring it to the hosts"
            )
    raise ValueError(
        f"step {number} is of a type that has no counterpart: {step.get('type') or ', '.join(step)}"
    )


def _script(step: Json, number: int, env: dict[str, str]) -> str:
    """Written to a file and run by its interpreter, as Rundeck does."""
    text = _OPTION_IN_SCRIPT.sub(_reference, as_text(str(step["script"])))
    if len(text.encode()) > LONGEST_SCRIPT_BYTES:
        raise ValueError(
            f"the script of step {number} is longer than {LONGEST_SCRIPT_BYTES} bytes: bring it to the hosts"
        )
    variable = f"STEP_{number}_SCRIPT"
    env[variable] = text
    interpreter = str(step.get("scriptInterpreter") or interpreter_of(text))
    arguments = _OPTION.sub(_reference, as_text(str(step.get("args") or "")))
    run = f'{interpreter} "$script" {arguments}'.rstrip()
    if str(step.get("interpreterArgsQuoted")).lower() == "true":
        run = f'{interpreter} "$script {arguments}"'
    return run_script(variable, run)


def _reference(match: re.Match[str]) -> str:
    return f"{{{{params.{param_name(match[1])}}}}}"
