"""Keepers that an earlier process of this agent left at work: finding them and being called by them."""

import asyncio
import os
import signal
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from tocsin_agent.runtime.ending import fields_of
from tocsin_agent.runtime.family import parent_of
from tocsin_agent.runtime.keeper import PROGRAM_NAME
from tocsin_agent.runtime.kept import KeptProcess, OnOutput

SOCKET_NAME = "agent.sock"
#: A keeper that lives but has not called (stopped by somebody, say) is asked again this often.
ASK_EVERY_SECS = 2.0
_BACKLOG = 4096


@dataclass(frozen=True, slots=True)
class LivingKeepers:
    """Who keeps what on this host."""

    #: By execution, for the directory that was asked about.
    here: Mapping[UUID, int]
    #: Executions that are kept for other state directories.
    elsewhere: frozenset[UUID]


def living_keepers(directory: Path) -> LivingKeepers:
    """Look through the process table. Blocks for some milliseconds.

    A number that was used again, or one of before a reboot, can't deceive: what counts is what the process is now.
    """
    try:
        home = directory.stat()
    except FileNotFoundError:
        return LivingKeepers({}, frozenset())
    found: dict[UUID, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - Path costs too much in this loop
        if name.isdigit() and (execution_id := _kept_by(int(name))) is not None:
            found.setdefault(execution_id, []).append(int(name))
    here: dict[UUID, int] = {}
    elsewhere: set[UUID] = set()
    for execution_id, pids in found.items():
        for pid in pids if len(pids) == 1 else _without_children(pids):
            if _is_in(pid, home):
                here[execution_id] = pid
            else:
                elsewhere.add(execution_id)
    return LivingKeepers(here, frozenset(elsewhere))


class AdoptionDesk:
    """Where keepers call in. One per agent; opened only when there is somebody to adopt."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._listener: socket.socket | None = None
        self._callers: dict[UUID, asyncio.Future[socket.socket]] = {}

    async def adopt(self, execution_id: UUID, keeper_pid: int, on_output: OnOutput) -> KeptProcess | None:
        """The channel to a keeper, once it has called; None when it is gone."""
        loop = asyncio.get_running_loop()
        try:
            pidfd = os.pidfd_open(keeper_pid)
        except OSError:
            return None
        gone: asyncio.Future[None] = loop.create_future()
        loop.add_reader(pidfd, _set, gone)
        caller: asyncio.Future[socket.socket] = self._callers.setdefault(execution_id, loop.create_future())
        try:
            if _kept_by(keeper_pid) != execution_id:
                return None
            self._listen()
            either: set[asyncio.Future[Any]] = {caller, gone}
            while not caller.done() and not gone.done():
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(pidfd, signal.SIGUSR1)
                await asyncio.wait(either, timeout=ASK_EVERY_SECS, return_when=asyncio.FIRST_COMPLETED)
            if not caller.done():
                return None
            return KeptProcess(caller.result(), self._directory, execution_id, on_output)
        finally:
            loop.remove_reader(pidfd)
            os.close(pidfd)
            gone.cancel()
            caller.cancel()
            self._callers.pop(execution_id, None)
            if not self._callers:
                self.close()

    def close(self) -> None:
        """Nobody else is expected."""
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener.fileno())
            self._listener.close()
            self._listener = None
            (self._directory / SOCKET_NAME).unlink(missing_ok=True)

    def _listen(self) -> None:
        if self._listener is not None:
            return
        (self._directory / SOCKET_NAME).unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        directory = os.open(self._directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            # The directory's own path may be longer than a socket's address can be.
            listener.bind(f"/proc/self/fd/{directory}/{SOCKET_NAME}")
            listener.listen(_BACKLOG)
        except BaseException:
            listener.close()
            raise
        finally:
            os.close(directory)
        self._listener = listener
        asyncio.get_running_loop().add_reader(listener.fileno(), self._on_call)

    def _on_call(self) -> None:
        while self._listener is not None:
            try:
                channel, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError):
                return
            channel.setblocking(False)
            # A keeper introduces itself before it connects to anything else: its words are there already,
            # or a moment later.
            asyncio.get_running_loop().call_soon(self._greet, channel, 50)

    def _greet(self, channel: socket.socket, tries: int) -> None:
        try:
            hello = channel.recv(4096)
        except BlockingIOError:
            if tries:
                asyncio.get_running_loop().call_later(0.01, self._greet, channel, tries - 1)
            else:
                channel.close()
            return
        except OSError:
            hello = b""
        caller = None
        with suppress(ValueError, KeyError):
            caller = self._callers.get(UUID(fields_of(hello.decode("ascii", "replace"))["id"]))
        if caller is None or caller.done():
            channel.close()
        else:
            caller.set_result(channel)


def end_kept(keeper_pid: int, execution_id: UUID) -> None:
    """Have the keeper end what it keeps."""
    with suppress(OSError):
        pidfd = os.pidfd_open(keeper_pid)
        try:
            if _kept_by(keeper_pid) == execution_id:
                signal.pidfd_send_signal(pidfd, signal.SIGTERM)
        finally:
            os.close(pidfd)


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _without_children(pids: list[int]) -> list[int]:
    """What a keeper starts looks like the keeper until it executes its program, and may hang before that."""
    return [pid for pid in pids if parent_of(pid) not in pids]


def _is_in(pid: int, directory: os.stat_result) -> bool:
    try:
        at = os.stat(f"/proc/{pid}/cwd")  # noqa: PTH116  follows the link
    except OSError:
        return False
    return (at.st_dev, at.st_ino) == (directory.st_dev, directory.st_ino)


def _kept_by(pid: int) -> UUID | None:
    """The execution that this process keeps, if it is a keeper."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:  # noqa: PTH123 - as above
            words = file.read().split(b"\0")
        if len(words) < 3 or words[0] != PROGRAM_NAME.encode():
            return None
        execution_id = UUID(words[2].decode())
        return execution_id if execution_id.int else None  # a nursery keeps nothing itself
    except (OSError, ValueError):
        return None
