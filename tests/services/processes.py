"""A server's process: started, waited for until it answers, stopped."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

#: Long enough for a Java program on a busy machine.
START_SECS = 90.0
_STOP_SECS = 15.0


class NotStarted(Exception):
    """The server ended, or did not answer in time; the message holds the end of its log."""


class Running:
    """A server that runs in a session of its own."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log

    @property
    def log(self) -> str:
        """All that it has printed."""
        return self._log.read_text(errors="replace")

    def kill(self) -> None:
        """End it and all that it started, at once, as a crash does."""
        self._signal(signal.SIGKILL)
        self.process.wait()

    def freeze(self) -> None:
        """It no longer answers, but its connections stay."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """Ask it to end; end it when it does not."""
        self.thaw()
        self._signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(_STOP_SECS)
        self.kill()

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


@contextmanager
def running(
    argv: Sequence[str | Path],
    *,
    until: int | Callable[[], bool],
    cwd: Path,
    env: Mapping[str, str] | None = None,
    within_secs: float = START_SECS,
) -> Iterator[Running]:
    """A server, once this port of 127.0.0.1 takes connections or this call says true; stopped at the end.

    `env` is added to this process's environment. What it prints goes to `server.log` in `cwd`.
    """
    log = cwd / "server.log"
    with log.open("ab") as printed:
        process = subprocess.Popen(
            [str(word) for word in argv],
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=printed,
            start_new_session=True,
        )
    server = Running(process, log)
    try:
        is_up = (lambda: takes_connections(until)) if isinstance(until, int) else until
        _wait(server, is_up, argv, within_secs)
        yield server
    finally:
        server.stop()


@contextmanager
def directory_for(name: str) -> Iterator[Path]:
    """A directory of a server's own, which every account may enter; removed at the end.

    Not below pytest's own: that takes the right to pass away from others, and its names are too long for sockets.
    """
    path = Path(tempfile.mkdtemp(prefix=f"tocsin-{name}-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def takes_connections(port: int) -> bool:
    """Whether somebody listens at this port of 127.0.0.1."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _wait(server: Running, is_up: Callable[[], bool], argv: Sequence[str | Path], within_secs: float) -> None:
    deadline = time.monotonic() + within_secs
    while not is_up():
        if (code := server.process.poll()) is not None:
            raise NotStarted(f"{argv[0]} ended with {code}:\n{server.log[-3000:]}")
        if time.monotonic() > deadline:
            raise NotStarted(f"{argv[0]} did not answer within {within_secs:g} s:\n{server.log[-3000:]}")
        time.sleep(0.05)
