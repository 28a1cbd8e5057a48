"""One process and everything that came from it: start, watch, end.

Popen only starts the process here. Its end is seen through a pidfd and collected with wait4, which also says
what it took; Popen.poll() and wait() would collect it first and lose that.
"""

import asyncio
import ctypes
import os
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tocsin_agent.tasks.base import StopSignal
from tocsin_shared.executions import Stream
from tocsin_shared.protocol import Usage

#: Marks every process of an execution, whatever its parent or session is by now.
EXECUTION_ID_VARIABLE = "TOCSIN_EXECUTION_ID"

SUDO = "/usr/bin/sudo"

#: How long output is awaited after the process has ended, if something still holds its pipes.
PIPE_GRACE_SECS = 1.0
#: In the kernel's out-of-memory choice a job goes before the agent that supervises it.
_OOM_SCORE_ADJ = "500"
_READ_BYTES = 64 * 1024
#: Reads per wakeup and stream: one busy job must not keep the event loop from the others.
_READS_PER_WAKEUP = 4
_PR_SET_CHILD_SUBREAPER = 36
_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")

#: fork and exec take milliseconds that the event loop should not wait for.
_spawner = ThreadPoolExecutor(max_workers=4, thread_name_prefix="spawn")

#: Children that somebody waits for with wait4; the reaper of orphans keeps its hands off these.
_tracked: set[int] = set()


class _Spawns:
    """Tells the reaper whether a child may have existed that was not tracked yet."""

    lock = threading.Lock()
    begun = 0
    open = 0


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """What to start, and as whom."""

    argv: list[str]
    env: Mapping[str, str]
    cwd: str | None
    execution_id: str
    stdin: bytes | None = None
    user: int | None = None
    group: int | None = None
    extra_groups: list[int] | None = None
    #: Set when sudo starts it as this account: only through sudo can its processes be signalled.
    sudo_user: str | None = None


@dataclass(frozen=True, slots=True)
class ProcessEnd:
    """How the process that was started ended."""

    #: None when a signal ended it.
    exit_code: int | None
    signal: int | None
    usage: Usage


def set_subreaper(*, on: bool) -> None:
    """Whether orphans of this process's descendants become its children, so that they stay findable.

    Best effort. Whoever switches it on has to call `reap_orphans` until it is off again.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, int(on), 0, 0, 0)


def reap_orphans() -> int:
    """Collect ended processes that came to the agent as subreaper. Returns how many. Call now and then.

    Only those of sessions other than the agent's own are taken: a child that some library of this process
    started and waits for normally shares its session, while every job has its own.
    """
    with _Spawns.lock:
        begun = _Spawns.begun
        if _Spawns.open:
            return 0
    tracked = set(_tracked)
    me, own_session = os.getpid(), os.getsid(0)
    ended = [
        pid
        for pid, stat in _processes().items()
        if stat.ppid == me and stat.state == "Z" and stat.session != own_session
    ]
    reaped = 0
    with _Spawns.lock:
        if _Spawns.begun != begun:
            return 0
        for pid in ended:
            if pid not in tracked:
                with suppress(ChildProcessError):
                    reaped += os.waitpid(pid, os.WNOHANG)[0] != 0
    return reaped


class Process:
    """A running process. Its output goes to `emit` from the event loop."""

    def __init__(
        self, popen: subprocess.Popen[bytes], spec: ProcessSpec, emit: Callable[[Stream, bytes], None]
    ) -> None:
        self._popen = popen
        self._spec = spec
        self._emit = emit
        self._loop = asyncio.get_running_loop()
        self.pid = popen.pid
        #: Seconds since boot, which together with the pid names this process for good.
        self.started = process_started(popen.pid)
        self._ended: asyncio.Future[ProcessEnd] = self._loop.create_future()
        self._pipes: dict[int, Stream] = {}
        self._drained = asyncio.Event()
        self._stdin_left = memoryview(spec.stdin or b"")
        self._pidfd = -1
        self._exited = False
        #: While it is being stopped it is not collected: its number then stays its own, and its group's.
        self._stopping = False
        self._known: dict[int, float] = {}

    @classmethod
    async def start(cls, spec: ProcessSpec, emit: Callable[[Stream, bytes], None]) -> "Process":
        """Start it. Raises OSError or subprocess.SubprocessError."""
        loop = asyncio.get_running_loop()
        spawn = loop.run_in_executor(_spawner, _spawn, spec)
        try:
            popen = await asyncio.shield(spawn)
        except asyncio.CancelledError:
            # The thread can't be called back: whatever it starts is ended, or nobody would know of it.
            spawn.add_done_callback(_kill_unwanted)
            raise
        try:
            process = cls(popen, spec, emit)
            process._watch()
        except BaseException:
            # Out of file descriptors, most likely.
            _discard(popen)
            raise
        return process

    def _watch(self) -> None:
        self._pidfd = os.pidfd_open(self.pid)
        self._loop.add_reader(self._pidfd, self._on_exit)

    def _open_pipes(self) -> None:
        for pipe, stream in ((self._popen.stdout, Stream.STDOUT), (self._popen.stderr, Stream.STDERR)):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
                self._pipes[pipe.fileno()] = stream
                self._loop.add_reader(pipe.fileno(), self._read, pipe.fileno())
        if self._popen.stdin is not None:
            os.set_blocking(self._popen.stdin.fileno(), False)
            self._loop.add_writer(self._popen.stdin.fileno(), self._write)

    async def wait(self, stop: StopSignal) -> ProcessEnd:
        """Return once it has ended and its output is read, as far as background children allow.

        Output is only taken from here on, so that none is reported before the start is. Settles `stop`.
        """
        try:
            self._open_pipes()
            end = await asyncio.shield(self._ended)
            stop.settle()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._drained.wait(), PIPE_GRACE_SECS)
            return end
        finally:
            self.close()

    def kill_unless_ended(self) -> None:
        """For when nobody is left to wait for it: end it at once, all of it. Blocks for some milliseconds."""
        if not self._ended.done():
            kill_family(self._spec.execution_id, self.pid, patience_secs=0.5)
        self.close()

    def close(self) -> None:
        """Let go of the pipes. Whoever still writes gets SIGPIPE, as with cron. Repeating is harmless."""
        for fd in list(self._pipes):
            # What a background child wrote until now is still taken, one buffer of it.
            self._read(fd)
            self._close_pipe(fd)
        for pipe in (self._popen.stdout, self._popen.stderr):
            if pipe is not None:
                # Those that were never read from, when the start could not be recorded.
                pipe.close()
        self._close_stdin()

    async def stop(self, stop: StopSignal) -> None:
        """SIGTERM, the grace, then SIGKILL, to everything that came from this process, until none is left."""
        self._stopping = True
        try:
            await self._signal_family(signal.SIGTERM)
            while stop.grace_left_secs > 0:
                stop.hastened.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.hastened.wait(), min(stop.grace_left_secs, 0.1))
                if self._exited and not await self._find_family():
                    return
            for attempt in range(200):
                if not await self._signal_family(signal.SIGKILL):
                    return
                # What sleeps in the kernel can't be helped: growing pauses, so as not to burn a core on it.
                await asyncio.sleep(min(0.01 * (attempt + 1), 0.25))
        finally:
            self._stopping = False
            if self._exited:
                self._collect()

    async def _find_family(self) -> dict[int, float]:
        group = -1 if self._ended.done() else self.pid
        family = await self._loop.run_in_executor(
            _spawner, find_family, self._spec.execution_id, group, dict(self._known)
        )
        # Somebody without mark is only found through its parents; once these are dead, it is remembered.
        self._known.update(family)
        return family

    async def _signal_family(self, number: int) -> dict[int, float]:
        family = await self._find_family()
        out_of_reach = signal_processes(family, number, -1 if self._ended.done() else self.pid)
        if out_of_reach and self._spec.sudo_user is not None:
            await self._loop.run_in_executor(
                _spawner, _signal_through_sudo, self._spec.sudo_user, out_of_reach, number
            )
        return family

    def _read(self, fd: int) -> None:
        stream = self._pipes.get(fd)
        if stream is None:
            return
        for _ in range(_READS_PER_WAKEUP):
            try:
                data = os.read(fd, _READ_BYTES)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                data = b""
            if not data:
                self._close_pipe(fd)
                return
            self._emit(stream, data)

    def _close_pipe(self, fd: int) -> None:
        stream = self._pipes.pop(fd, None)
        if stream is None:
            return
        self._loop.remove_reader(fd)
        pipe = self._popen.stdout if stream is Stream.STDOUT else self._popen.stderr
        if pipe is not None:
            pipe.close()
        if not self._pipes:
            self._drained.set()

    def _write(self) -> None:
        if self._popen.stdin is None:
            return
        try:
            written = os.write(self._popen.stdin.fileno(), self._stdin_left[:_READ_BYTES])
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            # It does not read its input (any more), which is its own business.
            written = len(self._stdin_left)
        self._stdin_left = self._stdin_left[written:]
        if not self._stdin_left:
            self._close_stdin()

    def _close_stdin(self) -> None:
        pipe = self._popen.stdin
        if pipe is not None and not pipe.closed:
            self._loop.remove_writer(pipe.fileno())
            with suppress(OSError):
                pipe.close()
        self._popen.stdin = None

    def _on_exit(self) -> None:
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._exited = True
        if not self._stopping:
            self._collect()

    def _collect(self) -> None:
        if self._ended.done():
            return
        try:
            _, status, used = os.wait4(self.pid, 0)
        except ChildProcessError:
            # Somebody else collected it, so its code is lost; 255 is what a shell says of such a thing.
            self._popen.returncode = 255
            end = ProcessEnd(255, None, Usage())
        else:
            code = os.waitstatus_to_exitcode(status)
            self._popen.returncode = code
            # Between fork and exec a child has its parent's size: a smaller peak can't be told from that.
            own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            peak = used.ru_maxrss * 1024 if used.ru_maxrss > own else None
            usage = Usage(cpu_secs=used.ru_utime + used.ru_stime, peak_memory_bytes=peak)
            end = ProcessEnd(code, None, usage) if code >= 0 else ProcessEnd(None, -code, usage)
        _tracked.discard(self.pid)
        self._ended.set_result(end)


def _spawn(spec: ProcessSpec) -> "subprocess.Popen[bytes]":
    with _Spawns.lock:
        _Spawns.begun += 1
        _Spawns.open += 1
    try:
        popen = subprocess.Popen(  # noqa: S603 - running what the job says is what an agent is for
            spec.argv,
            env=dict(spec.env),
            cwd=spec.cwd,
            stdin=subprocess.DEVNULL if spec.stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            close_fds=True,
            start_new_session=True,
            user=spec.user,
            group=spec.group,
            extra_groups=spec.extra_groups,
        )
        _tracked.add(popen.pid)
    finally:
        with _Spawns.lock:
            _Spawns.open -= 1
    with suppress(OSError):
        Path(f"/proc/{popen.pid}/oom_score_adj").write_text(_OOM_SCORE_ADJ)
    return popen


def _kill_unwanted(spawn: "asyncio.Future[subprocess.Popen[bytes]]") -> None:
    if spawn.cancelled() or spawn.exception() is not None:
        return
    _discard(spawn.result())


def _discard(popen: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(popen.pid, signal.SIGKILL)
    for pipe in (popen.stdin, popen.stdout, popen.stderr):
        if pipe is not None:
            pipe.close()
    # From here on it is an orphan like any other: reap_orphans collects it.
    popen.returncode = -signal.SIGKILL
    _tracked.discard(popen.pid)


@dataclass(frozen=True, slots=True)
class _Stat:
    state: str
    ppid: int
    group: int
    session: int
    started: float


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
    stats = {int(name): _stat(int(name)) for name in os.listdir("/proc") if name.isdigit()}  # noqa: PTH208
    return {pid: stat for pid, stat in stats.items() if stat is not None}


def process_started(pid: int) -> float | None:
    """When a process started, in seconds since boot; None if there is none."""
    stat = _stat(pid)
    return None if stat is None else stat.started


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


def _has_mark(pid: int, mark: bytes) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123 - as above
            return mark in file.read().split(b"\0")
    except OSError:
        return False


def signal_processes(family: Mapping[int, float], number: int, group: int = -1) -> list[int]:
    """Send a signal to those that still are who they were. Returns whom this process may not signal.

    The group gets it in one go: a script whose child died a moment before it would go on to its next line.
    """
    remaining = {pid for pid, started in family.items() if process_started(pid) == started}
    members = {pid for pid in remaining if _group_of(pid) == group}
    if members:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)
            remaining -= members
    out_of_reach = []
    for pid in sorted(remaining, key=lambda pid: family[pid]):
        # Parents, which are older, before their children, for the same reason.
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
        except PermissionError:
            out_of_reach.append(pid)
    return out_of_reach


def _group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None


def _signal_through_sudo(user: str, pids: list[int], number: int) -> None:
    script = f"kill -{number} {' '.join(map(str, pids))} 2>/dev/null"
    with suppress(OSError, subprocess.SubprocessError):
        subprocess.run(  # noqa: S603 - an account name and numbers
            [SUDO, "-n", "-u", user, "--", "/bin/sh", "-c", script],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=10,
            check=False,
        )


def kill_family(execution_id: str, group: int, patience_secs: float = 5.0) -> bool:
    """SIGKILL what is left of an execution from an earlier life of the agent. Blocks. False if some survive.

    The caller has made sure that `group` still is that execution's (see `process_started`), or passes 0.
    """
    deadline = time.monotonic() + patience_secs
    while family := find_family(execution_id, group or -1):
        if time.monotonic() > deadline:
            return False
        signal_processes(family, signal.SIGKILL, group or -1)
        time.sleep(0.02)
    return True
