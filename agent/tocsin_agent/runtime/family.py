"""The processes of an execution whose keeper is gone: finding and ending them.

While its keeper lives everything descends from that; this is for what is left when somebody killed it.
"""

import os
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from tocsin_agent.runtime.spec import EXECUTION_ID_VARIABLE

#: Two starts of one process are the same when their times differ by less (kernel ticks are 10 ms).
SAME_START_SECS = 0.05
_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class _Stat:
    state: str
    ppid: int
    group: int
    session: int
    started: float


def kill_family(execution_id: str, group: int, patience_secs: float = 5.0) -> bool:
    """SIGKILL what is left of an execution. Blocks. False if some survive.

    The caller has made sure that `group` still is that execution's (see `is_same_process`), or passes 0.
    """
    deadline = time.monotonic() + patience_secs
    known: dict[int, float] = {}
    while family := find_family(execution_id, group or -1, known):
        if time.monotonic() > deadline:
            return False
        # Somebody without mark is only found through its parents; once these are dead, it is remembered.
        known.update(family)
        _signal(family, signal.SIGKILL, group or -1)
        time.sleep(0.02)
    return True


def is_same_process(pid: int, started: float) -> bool:
    """Whether the process that started then still has this number. Anybody may have it by now."""
    stat = _stat(pid)
    return stat is not None and abs(stat.started - started) < SAME_START_SECS


def parent_of(pid: int) -> int | None:
    """None when it is gone."""
    stat = _stat(pid)
    return None if stat is None else stat.ppid


def find_family(execution_id: str, group: int, known: Mapping[int, float] | None = None) -> dict[int, float]:
    """The living processes of an execution and when each started. Blocks for some milliseconds.

    Found by group, session and parents from the process that was started, and by the mark in their
    environment if this process may read that. `known` are members found before. A `group` of -1 matches none.
    """
    processes = _processes()
    mark = f"{EXECUTION_ID_VARIABLE}={execution_id}".encode()
    found = {
        pid for pid, stat in processes.items() if group in (stat.group, stat.session) or _has_mark(pid, mark)
    }
    found |= {
        pid
        for pid, started in (known or {}).items()
        if pid in processes and processes[pid].started == started
    }
    children: dict[int, list[int]] = {}
    for pid, stat in processes.items():
        children.setdefault(stat.ppid, []).append(pid)
    pending = list(found)
    while pending:
        for child in children.get(pending.pop(), ()):
            if child not in found:
                found.add(child)
                pending.append(child)
    found.discard(os.getpid())
    return {pid: processes[pid].started for pid in found if processes[pid].state not in ("Z", "X")}


def _stat(pid: int) -> _Stat | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - Path costs too much in this loop
            text = file.read()
    except OSError:
        return None
    # The command's name may hold spaces and brackets, so the fields are counted from behind it.
    fields = text[text.rindex(b")") + 2 :].split()
    return _Stat(
        fields[0].decode(), int(fields[1]), int(fields[2]), int(fields[3]), int(fields[19]) / _CLOCK_TICKS
    )


def _processes() -> dict[int, _Stat]:
    stats = {int(name): _stat(int(name)) for name in os.listdir("/proc") if name.isdigit()}  # noqa: PTH208  names, thousands
    return {pid: stat for pid, stat in stats.items() if stat is not None}


def _has_mark(pid: int, mark: bytes) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123 - as above
            return mark in file.read().split(b"\0")
    except OSError:
        return False


def _signal(family: Mapping[int, float], number: int, group: int) -> None:
    """Those that still are who they were; the group in one go, parents, which are older, before children."""
    remaining = {pid for pid, started in family.items() if is_same_process(pid, started)}
    members = {pid for pid in remaining if _group_of(pid) == group}
    if members:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)
            remaining -= members
    for pid in sorted(remaining, key=lambda pid: family[pid]):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None
