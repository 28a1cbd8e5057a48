"""The program that stays with a job's process (see keeper/keeper.c): where it is, and starting one."""

import fcntl
import os
import signal
import socket
import subprocess
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from tocsin_agent.runtime.spec import KeepingRules, ProcessSpec, encode

PROGRAM_NAME = "tocsin-keeper"
#: What the program's first answer to `--version` has to be.
PROTOCOL = 2

_BUILT = Path(__file__).parent.parent / "bin" / PROGRAM_NAME
#: The descriptor that the nursery expects.
_NURSERY_FD = 3


class KeeperMissing(Exception):
    """No process can be started here; the message is one line that says what to do."""


def find_keeper(program: Path = _BUILT) -> Path:
    """The program. Raises KeeperMissing. Blocks for a moment."""
    remedy = "install tocsin-agent again (from a checkout: make install)"
    try:
        said = subprocess.run(  # noqa: S603 - our own program
            [program, "--version"], capture_output=True, text=True, check=False, timeout=10
        ).stdout.split()
    except (OSError, subprocess.SubprocessError) as error:
        raise KeeperMissing(f"{program} can't be run ({error}): {remedy}") from None
    if said[:2] != [PROGRAM_NAME, str(PROTOCOL)]:
        raise KeeperMissing(f"{program} is of another version: {remedy}")
    return program


class Nursery:
    """The process that keepers are forked from: one per agent, started when first needed, ends with the agent."""

    def __init__(self, program: Path, directory: Path) -> None:
        self._program = program
        self._directory = directory
        self._channel: socket.socket | None = None
        self._pid = 0

    def launch(self, execution_id: UUID, spec: ProcessSpec, rules: KeepingRules) -> socket.socket:
        """Start a keeper, which starts the process. Returns the channel to it.

        It shares neither session nor descriptors with this process. Raises OSError, ValueError.
        """
        said = encode(spec, rules)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        fds = [theirs.detach()]
        try:
            fds.append(_memory_file("spec", said))
            if spec.stdin is not None:
                fds.append(_memory_file("stdin", spec.stdin))
            self._ask(str(execution_id).encode(), fds)
        except BaseException:
            ours.close()
            raise
        finally:
            for fd in fds:
                os.close(fd)
        ours.setblocking(False)
        return ours

    def close(self) -> None:
        """No more keepers are needed; those there are go on."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
            with suppress(ChildProcessError, ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
                os.waitpid(self._pid, 0)

    def _ask(self, request: bytes, fds: list[int]) -> None:
        if self._channel is None:
            self._start()
        try:
            self._send(request, fds)
        except (BrokenPipeError, ConnectionError):
            # Somebody killed it. Nothing was started by what it did not receive.
            self.close()
            self._start()
            self._send(request, fds)

    def _send(self, request: bytes, fds: list[int]) -> None:
        if self._channel is None:
            raise ConnectionError("the nursery does not run")
        socket.send_fds(self._channel, [request], fds)

    def _start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        fd = _above(theirs.detach())
        try:
            self._pid = os.posix_spawn(
                self._program,
                [PROGRAM_NAME, str(self._directory), str(UUID(int=0))],
                {},
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDWR, 0),
                    (os.POSIX_SPAWN_DUP2, 0, 1),
                    (os.POSIX_SPAWN_DUP2, 0, 2),
                    (os.POSIX_SPAWN_DUP2, fd, _NURSERY_FD),
                    # Whoever started the agent may have left it descriptors of its own.
                    *((os.POSIX_SPAWN_CLOSE, number) for number in _inherited()),
                ],
                setsid=True,
            )
        except BaseException:
            ours.close()
            raise
        finally:
            os.close(fd)
        self._channel = ours


def _inherited() -> list[int]:
    """Descriptors that a program started by this process would get, besides those it is given."""
    numbers = [int(name) for name in os.listdir("/proc/self/fd")]  # noqa: PTH208  names
    return [number for number in numbers if number > _NURSERY_FD and _is_inheritable(number)]


def _is_inheritable(fd: int) -> bool:
    try:
        return os.get_inheritable(fd)
    except OSError:
        return False


def _memory_file(name: str, content: bytes) -> int:
    fd = os.memfd_create(name)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(fd, view) :]
        os.lseek(fd, 0, os.SEEK_SET)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _above(fd: int) -> int:
    """The same file under a number that can't be overwritten by it."""
    if fd > _NURSERY_FD:
        return fd
    higher = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _NURSERY_FD + 1)
    os.close(fd)
    return higher
