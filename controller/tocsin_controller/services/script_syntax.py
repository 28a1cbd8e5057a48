"""Whether scripts can be read at all, found out when they are saved. Nothing of them is run here."""

import asyncio
import re
import sys
from collections.abc import Sequence
from typing import Final

import orjson

from tocsin_shared.errors import InvalidInput, Unavailable
from tocsin_shared.logs import log
from tocsin_shared.scripts import ScriptSave, ScriptType

_CHECKER: Final = "tocsin_agent.tasks.script.checking"
#: For a machine that stands still; one script takes milliseconds.
_PATIENCE_SECS: Final = 30.0
_INSTRUCTION: Final = re.compile(r"^\s*([A-Za-z]+)\s")


async def check_syntax(script: ScriptSave) -> None:
    """Raises InvalidInput for the field `code` when it can't be read."""
    (problem,) = await syntax_problems([script])
    if problem is not None:
        raise InvalidInput.field("code", problem)


async def syntax_problems(scripts: Sequence[ScriptSave]) -> list[str | None]:
    """What is wrong with each, None where nothing is."""
    problems: list[str | None] = [
        _dockerfile_problem(one.code) if one.script_type is ScriptType.DOCKERFILE else None for one in scripts
    ]
    places = [place for place, one in enumerate(scripts) if one.script_type is ScriptType.STARLARK]
    if places:
        found = await _starlark_problems([scripts[place].code for place in places])
        for place, problem in zip(places, found, strict=True):
            problems[place] = problem
    return problems


async def _starlark_problems(codes: Sequence[str]) -> list[str | None]:
    found = await _ask(codes)
    if found is not None:
        return [None if one is None else str(one[1]) for one in found]
    if len(codes) == 1:
        return ["can't be read: it is nested too deeply"]
    # One of them ended the process, so each gets its own.
    return [problem for code in codes for problem in await _starlark_problems([code])]


async def _ask(codes: Sequence[str]) -> list[tuple[int, str] | None] | None:
    """What the checker says; None when the code ended it. Raises Unavailable."""
    # Isolated and without the controller's environment, which may hold secrets.
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-m",
        _CHECKER,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"LANG": "C.UTF-8"},
    )
    try:
        async with asyncio.timeout(_PATIENCE_SECS):
            answer, complaint = await child.communicate(orjson.dumps(codes))
    except TimeoutError:
        raise Unavailable("the script could not be checked in time; try again", retry_after_secs=5) from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode == 0:
        found: list[tuple[int, str] | None] = orjson.loads(answer)
        return found
    if child.returncode is None or child.returncode > 0:
        said = complaint[-2_000:].decode("utf-8", "replace")
        log.error("script_checker_failed", exit_code=child.returncode, stderr=said)
        raise Unavailable("scripts can't be checked here: the controller's log says why")
    return None


def _dockerfile_problem(code: str) -> str | None:
    """Only what no Dockerfile can do without: the engine that builds it knows the rest."""
    for number, line in enumerate(code.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _INSTRUCTION.match(line)
        word = found[1].upper() if found else ""
        if word == "FROM":
            return None
        if word != "ARG":
            return f"line {number}: a Dockerfile begins with FROM (or with ARG before it)"
    return "a Dockerfile needs FROM"
