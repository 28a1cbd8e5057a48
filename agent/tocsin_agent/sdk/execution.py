"""One execution, as the function that does it sees it."""

import asyncio
import threading
from contextlib import suppress
from typing import Any

from tocsin_agent.tasks.base import TaskContext
from tocsin_shared.executions import Stream
from tocsin_shared.protocol import Assignment

#: A thread that writes faster than the agent takes it waits once so many pieces are on their way.
_PIECES_UNDER_WAY = 64
#: A line that is longer is sent in pieces.
_LINE_CHARS = 8 * 1024


class Failed(Exception):
    """Raised by a function that did not do what it was asked. The message is one sentence for people."""

    def __init__(self, message: str, *, exit_code: int = 1) -> None:
        """`exit_code` is from 1 to 255."""
        super().__init__(message)
        self.message = message
        self.exit_code = min(max(exit_code, 1), 255)


class Stopped(BaseException):
    """Raised inside a plain function that has to end: by whatever it prints, and by `Execution.check`."""


class Execution:
    """What is known of the execution, its output, and whether it has to end. May be used from any thread."""

    def __init__(self, assignment: Assignment, context: TaskContext, data: dict[str, Any]) -> None:
        #: As the job says it.
        self.data = data
        self.id = assignment.execution_id
        self.run_id = assignment.run_id
        self.job_name = assignment.job_name
        #: 1 for the first; more for retries.
        self.attempt = assignment.attempt_number
        #: The due instant (RFC 3339); None when somebody triggered it.
        self.scheduled_for = assignment.scheduled_for
        self.timeout_secs = assignment.timeout_secs
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._room = threading.Semaphore(_PIECES_UNDER_WAY)
        self._unfinished = dict.fromkeys(Stream, "")
        self._lock = threading.Lock()
        self._stop = threading.Event()

    @property
    def has_to_end(self) -> bool:
        """Whether it was cancelled, took too long, or the agent is being stopped."""
        return self._stop.is_set()

    def check(self) -> None:
        """Raise Stopped if it has to end. For plain functions, between two steps; async ones are cancelled."""
        if self._stop.is_set() and not self._is_in_loop:
            raise Stopped

    def wait(self, secs: float) -> None:
        """Sleep, in a plain function. Raises Stopped as soon as it has to end."""
        self._stop.wait(secs)
        self.check()

    def write(self, output: str | bytes, *, stderr: bool = False) -> None:
        """Output, as it is. Text is sent by the line; bytes at once."""
        self.check()
        stream = Stream.STDERR if stderr else Stream.STDOUT
        if isinstance(output, str):
            with self._lock:
                text = self._unfinished[stream] + output
                cut = len(text) if len(text) > _LINE_CHARS else text.rfind("\n") + 1
                self._unfinished[stream] = text[cut:]
            self._emit(stream, text[:cut].encode(errors="replace"))
        else:
            self._flush(stream)
            self._emit(stream, bytes(output))

    def flush(self) -> None:
        """Send what is no whole line yet."""
        for stream in Stream:
            self._flush(stream)

    def end_soon(self) -> None:
        """It has to end."""
        self._stop.set()

    @property
    def _is_in_loop(self) -> bool:
        return threading.get_ident() == self._loop_thread

    def _flush(self, stream: Stream) -> None:
        with self._lock:
            text, self._unfinished[stream] = self._unfinished[stream], ""
        self._emit(stream, text.encode(errors="replace"))

    def _emit(self, stream: Stream, data: bytes) -> None:
        if not data:
            return
        if self._is_in_loop:
            self._context.emit(stream, data)
            return
        self._room.acquire()
        with suppress(RuntimeError):  # the agent has ended: nobody takes it any more
            self._loop.call_soon_threadsafe(self._take, stream, data)

    def _take(self, stream: Stream, data: bytes) -> None:
        self._room.release()
        self._context.emit(stream, data)
