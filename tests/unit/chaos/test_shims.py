"""A moved clock shows in the programs under it, and a power cut takes exactly what was not synced."""

import os
import subprocess
import sys
import time
from pathlib import Path

from tests.chaos.shims import Clock, Disk


def test_a_clock_runs_ahead_and_can_be_moved_while_the_program_runs(tmp_path: Path) -> None:
    clock = Clock(tmp_path, "c")
    clock.set(3600)
    code = "import time; input(); print(time.time(), time.monotonic()); input(); print(time.time())"
    program = subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | clock.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert program.stdin is not None
    assert program.stdout is not None
    program.stdin.write("\n")
    program.stdin.flush()
    wall, monotonic = map(float, program.stdout.readline().split())
    clock.set(-3600)
    out, _ = program.communicate("\n", timeout=10)
    assert abs(wall - time.time() - 3600) < 60
    assert abs(monotonic - time.monotonic()) < 60
    assert abs(float(out) - time.time() + 3600) < 60


def test_a_power_cut_takes_what_was_not_synced(tmp_path: Path) -> None:
    where = tmp_path / "state"
    where.mkdir()
    disk = Disk(tmp_path, where)
    code = f"""
import os
def write(name, data, sync):
    with open({str(where)!r} + "/" + name, "ab") as file:
        file.write(data)
        file.flush()
        if sync:
            os.fsync(file.fileno())
write("kept", b"synced", True)
write("kept", b" lost", False)
write("empty", b"never synced", False)
folder = os.open({str(where)!r}, os.O_RDONLY)
os.fsync(folder)
write("nameless", b"synced, but nobody knows its name", True)
"""
    subprocess.run([sys.executable, "-c", code], env=os.environ | disk.environment, check=True)
    lost = disk.lose_power()
    assert {p.name: p.read_bytes() for p in where.iterdir()} == {"kept": b"synced", "empty": b""}
    assert len(lost) == 3
