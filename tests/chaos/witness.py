"""Building the witness, asking jobs to run it, and reading what it wrote."""

import json
import shlex
import subprocess
from datetime import datetime
from pathlib import Path

from tests.chaos.history import Witness

_SOURCE = Path(__file__).with_name("witness.c")


def build(directory: Path) -> Path:
    """Compile it; the program's path. A C program, so that hundreds of runs cost next to nothing."""
    program = directory / "witness"
    if not program.exists():
        subprocess.run(["cc", "-O1", "-Wall", "-Werror", "-o", program, _SOURCE], check=True)
    return program


def command(program: Path, file: Path, secs: float, exit_code: int = 0, *, stubborn: bool = False) -> str:
    """A shell task's command that runs so long and ends with that code."""
    words = [str(program), str(file), str(secs), str(exit_code), *(["stubborn"] if stubborn else [])]
    return "exec " + shlex.join(words)


def read(file: Path) -> list[Witness]:
    """What was written, in order. A last line that a power cut tore is left out."""
    if not file.exists():
        return []
    lines = file.read_text(errors="replace").split("\n")
    return [_witness(json.loads(line)) for line in lines[:-1]]


def _witness(said: dict[str, str]) -> Witness:
    code = int(said["exit_code"])
    return Witness(
        kind=said["kind"],
        execution_id=said["execution_id"],
        run_id=said["run_id"],
        job_id=said["job_id"],
        job=said["job"],
        attempt=int(said["attempt"] or 0),
        fence=int(said["fence"] or 0),
        nominal_ns=instant_ns(said["nominal"]) if said["nominal"] else None,
        pid=int(said["pid"]),
        boot_id=said["boot_id"],
        wall_ns=int(said["wall_ns"]),
        mono_ns=int(said["mono_ns"]),
        exit_code=code if code >= 0 else None,
    )


def instant_ns(text: str) -> int:
    """An RFC 3339 instant in nanoseconds, exact to the microsecond."""
    moment = datetime.fromisoformat(text)
    whole = round(moment.replace(microsecond=0).timestamp())
    return (whole * 1_000_000 + moment.microsecond) * 1000
