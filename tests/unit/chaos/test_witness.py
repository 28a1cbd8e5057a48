"""The witness tells the truth about itself."""

import os
import signal
import subprocess
import time
from pathlib import Path

from tests.chaos.history import Witness
from tests.chaos.witness import build, command, read

ENVIRONMENT = {
    "TOCSIN_EXECUTION_ID": "e",
    "TOCSIN_RUN_ID": "r",
    "TOCSIN_JOB_ID": "j",
    "TOCSIN_JOB_NAME": "pulse",
    "TOCSIN_ATTEMPT": "2",
    "TOCSIN_FENCE": "7",
    "TOCSIN_SCHEDULED_FOR": "2026-01-01T00:00:05Z",
}


def start(directory: Path, secs: float, code: int = 0, *, stubborn: bool = False) -> subprocess.Popen[bytes]:
    line = command(build(directory), directory / "w.jsonl", secs, code, stubborn=stubborn)
    return subprocess.Popen(["/bin/sh", "-c", line], env=ENVIRONMENT)


def lines(directory: Path, *, signs_of_life: bool = False) -> list[Witness]:
    return [w for w in read(directory / "w.jsonl") if signs_of_life or w.kind != "alive"]


def wait_for_start(directory: Path) -> None:
    while not lines(directory):
        time.sleep(0.01)


def test_start_and_end_name_execution_attempt_fence_instant_and_process(tmp_path: Path) -> None:
    process = start(tmp_path, 0.15, 3)
    assert process.wait() == 3
    first, last = lines(tmp_path)
    assert (first.kind, last.kind, first.exit_code, last.exit_code) == ("start", "end", None, 3)
    assert (first.execution_id, first.run_id, first.job_id, first.job) == ("e", "r", "j", "pulse")
    assert (first.attempt, first.fence, first.nominal_ns) == (2, 7, 1_767_225_605_000_000_000)
    assert first.pid == process.pid
    assert first.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert last.mono_ns - first.mono_ns >= 150_000_000
    assert abs(last.wall_ns - time.time_ns()) < 60 * 10**9


def test_a_signal_is_witnessed_and_ends_it(tmp_path: Path) -> None:
    process = start(tmp_path, 30)
    wait_for_start(tmp_path)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 143
    assert [w.kind for w in lines(tmp_path)] == ["start", "signal", "end"]


def test_a_stubborn_one_goes_on_to_its_end(tmp_path: Path) -> None:
    process = start(tmp_path, 0.5, stubborn=True)
    wait_for_start(tmp_path)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 0
    assert [w.kind for w in lines(tmp_path)] == ["start", "signal", "end"]


def test_a_killed_one_leaves_signs_of_life_and_no_end(tmp_path: Path) -> None:
    process = start(tmp_path, 30)
    while sum(w.kind == "alive" for w in lines(tmp_path, signs_of_life=True)) < 2:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert [w.kind for w in lines(tmp_path)] == ["start"]
