"""A program of ours as a process that can be killed, frozen, thawed and started again."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

BIN = Path(sys.executable).parent
_END_SECS = 20.0
_VERBS = {"controller": "serve", "agent": "run"}


class Member:
    """One controller or agent, with its log in a file."""

    def __init__(
        self,
        role: str,
        name: str,
        environment: Mapping[str, str],
        log: Path,
        *,
        programs: Path = BIN,
        before: Sequence[str] = (),
    ) -> None:
        """before: words of its command line that come before the program."""
        self.role = role
        self.name = name
        self.environment = dict(environment)
        #: The directory whose program it runs from its next start on.
        self.programs = programs
        self._before = list(before)
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """Whether its process exists."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Of the last process; None while it runs."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Start a process, unless one runs."""
        if self.is_running:
            return
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("TOCSIN_")}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._before, str(self.programs / f"tocsin-{self.role}"), _VERBS[self.role]],
                env=inherited | self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self) -> None:
        """SIGKILL, and wait for the end. What it started lives on."""
        if self._process is not None and self.is_running:
            self._process.kill()
            self._process.wait()

    async def stop(self) -> int:
        """SIGTERM, and wait for the end; the exit code."""
        if self._process is None:
            return 0
        self._process.terminate()
        async with asyncio.timeout(_END_SECS):
            while (code := self._process.poll()) is None:
                await asyncio.sleep(0.05)
        return code

    def freeze(self) -> None:
        """SIGSTOP: it no longer runs, but its connections stay."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def usage(self) -> tuple[int, int]:
        """Bytes of memory and open descriptors."""
        if self._process is None:
            return (0, 0)
        process = psutil.Process(self._process.pid)
        return process.memory_info().rss, process.num_fds()

    def log(self) -> str:
        """All that it logged."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""


def end_strays(program: Path) -> None:
    """Kill every process that runs this very program: jobs that outlived their scenario."""
    for process in psutil.process_iter():
        try:
            if process.exe() == str(program):
                process.kill()
        except psutil.Error:
            continue


def end_all_below(directory: Path) -> None:
    """Kill every process whose command line names something below the directory: what a host runs for its agent."""
    for process in psutil.process_iter():
        try:
            if any(word.startswith(str(directory)) for word in process.cmdline()):
                process.kill()
        except psutil.Error:
            continue
