"""The limits that a script's process sets itself, with smaller ones than an agent gives."""

import json
import signal
import subprocess
import sys
from typing import Any

import pytest

ENDLESS = "for i in range(1 << 30):\n  pass"
#: Writing the last number down takes seconds, in one piece of native code.
NATIVE = "a = 1 << 500\nfor i in range(17):\n  a = a * a\nx = len(str(a))"


def child(code: str, **limits: Any) -> subprocess.CompletedProcess[str]:
    request = {
        "code": code, "params": {}, "vars": {}, "job": {}, "may_start_commands": False,
        "reach": {"default": "all", "allow": [], "deny": []}, "memory_bytes": 256 << 20, "cpu_secs": 60,
    } | limits  # fmt: skip
    start = "from tocsin_agent.tasks.script.child import main; main()"
    return subprocess.run(
        [sys.executable, "-I", "-c", start],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("code", [ENDLESS, NATIVE])
def test_processor_time_ends_a_script_between_its_steps_and_in_the_middle_of_one(code: str) -> None:
    assert child(code, cpu_secs=1).returncode == -signal.SIGXCPU


def test_a_script_is_told_what_it_took_too_much_of() -> None:
    assert "more than 0 s of processor time" in child(ENDLESS, cpu_secs=0).stderr


def test_memory_is_what_was_given() -> None:
    code = "x = 'a' * (30 << 20)\nresult = len(x)"
    assert child(code, memory_bytes=24 << 20).returncode == -signal.SIGABRT
    assert child(code).stdout == f"{30 << 20}\n"
