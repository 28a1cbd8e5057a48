"""One job's process, as its keeper tells of it. The process does not end with the agent; this object may."""

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from tocsin_agent.clock import Moment, boot_id
from tocsin_agent.runtime.ending import End, fields_of, parse_end, read_end, remove_end

#: Longer than any message.
_MESSAGE_BYTES = 4096
_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
#: The room that a keeper begins with.
_NO_LIMIT = 2**64 - 1

#: Takes the length of the spool's file and the newest sequence number in it.
OnOutput = Callable[[int, int], None]


class KeeperDied(Exception):
    """The keeper has hung up and left no word: it is gone, or was asked to call anew (see `adoption`)."""


@dataclass(frozen=True, slots=True)
class KeptStart:
    """The process that the keeper started."""

    pid: int
    #: Seconds since boot, which together with the pid names the process for good.
    pid_started: float
    at: Moment


class KeptProcess:
    """The channel to one keeper. Everything happens in the event loop; nothing blocks."""

    def __init__(
        self,
        channel: socket.socket,
        directory: Path,
        execution_id: UUID,
        on_output: OnOutput,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._channel = channel
        self._fd = channel.fileno()
        self._directory = directory
        self._execution_id = execution_id
        self._on_output = on_output
        self._started: asyncio.Future[KeptStart | None] = self._loop.create_future()
        self._ended: asyncio.Future[End] = self._loop.create_future()
        for future in (self._started, self._ended):
            # Whoever does not ask need not know.
            future.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._loop.add_reader(self._fd, self._on_readable)

    async def started(self) -> KeptStart | None:
        """Return once it runs; None when it could not be started. Raises KeeperDied, OSError."""
        return await asyncio.shield(self._started)

    async def ended(self) -> End:
        """Return once it has ended and its output is complete. Raises KeeperDied."""
        return await asyncio.shield(self._ended)

    def stop(self, kind: str, grace_secs: float) -> None:
        """End all of it: SIGTERM, the grace, SIGKILL. The first kind counts; later orders shorten the grace."""
        self._say(f"stop {kind} {round(max(grace_secs, 0) * 1000)}")

    def fence_at(self, uptime_secs: float, grace_secs: float) -> None:
        """From this instant (CLOCK_BOOTTIME) the keeper ends all of it, unless it is told a later one before."""
        self._say(f"fence {max(round(uptime_secs * 1e9), 0)} {round(grace_secs * 1000)}")

    def limit_room(self, max_bytes: int | None) -> None:
        """The file of its output may not become larger; None: as large as it was to be."""
        self._say(f"room {_NO_LIMIT if max_bytes is None else max_bytes}")

    def acknowledge(self) -> None:
        """Its end is in the journal: the keeper may go, and nobody needs what one left that waited in vain."""
        self._say("ack")
        remove_end(self._directory, self._execution_id)

    def let_go(self) -> None:
        """Say nothing more and hear nothing more. The keeper goes on."""
        if self._fd != -1:
            self._loop.remove_reader(self._fd)
            self._fd = -1
            self._channel.close()

    def _say(self, text: str) -> None:
        if self._fd != -1:
            with suppress(OSError):  # a keeper that does not take it is about to end
                self._channel.send(text.encode())

    def _on_readable(self) -> None:
        while self._fd != -1:
            try:
                message = self._channel.recv(_MESSAGE_BYTES)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                message = b""
            if not message:
                self._on_gone()
                return
            self._on_message(message.decode("ascii", "replace"))

    def _on_message(self, text: str) -> None:
        said = fields_of(text)
        match text.split(maxsplit=1)[0]:
            case "started":
                if not self._started.done():
                    moment = Moment(boot_id(), int(said["boot_ns"]) / 1e9, int(said["wall_ns"]) / 1e9)
                    start = KeptStart(int(said["pid"]), int(said["ticks"]) / _CLOCK_TICKS, moment)
                    self._started.set_result(start)
            case "output":
                self._on_output(int(said["size"]), int(said["seq"]))
            case "refused":
                error = OSError(int(said["errno"]), os.strerror(int(said["errno"])))
                self._started.set_exception(error)
                self._ended.set_exception(error)
            case "end":
                self._settle(parse_end(text))

    def _settle(self, end: End) -> None:
        if not self._started.done():
            self._started.set_result(None)
        if not self._ended.done():
            self._ended.set_result(end)

    def _on_gone(self) -> None:
        self.let_go()
        if self._ended.done():
            return
        # It may have given up waiting for this agent to acknowledge.
        end = read_end(self._directory, self._execution_id)
        if end is not None:
            self._settle(end)
            return
        if not self._started.done():
            self._started.set_exception(KeeperDied())
        self._ended.set_exception(KeeperDied())
