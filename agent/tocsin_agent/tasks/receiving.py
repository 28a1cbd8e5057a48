"""What tasks share that wait for messages: how these are printed, how many fit, and when the wait is over."""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from tocsin_agent.runtime.outcome import Outcome
from tocsin_agent.tasks.base import TaskContext
from tocsin_agent.tasks.driving import TaskFailed
from tocsin_shared.executions import Reason, Stream
from tocsin_shared.protocol import Assignment
from tocsin_shared.wire import dumps

#: For tasks without `timeout_secs`.
DEFAULT_WAIT_SECS = 30.0
#: For `drive`: a server that does not even answer must not keep a task for ever whose job has no timeout.
LONGEST_SECS = DEFAULT_WAIT_SECS + 5.0
#: What is left of a job's timeout when the wait for messages ends; a tenth of short ones.
_MOMENT_SECS = 1.0


class Printer:
    """Prints messages, a line each, as long as all of them are kept: what is acknowledged must be readable."""

    def __init__(self, context: TaskContext, *, as_json: bool, wanted: int) -> None:
        self._context = context
        self._as_json = as_json
        self.wanted = wanted
        self._is_full = False
        #: The wait for messages counts from here, so it is made before the server is spoken to.
        self.began_at = asyncio.get_running_loop().time()
        self.printed = 0
        #: Bytes of output that are left.
        self.room = context.limits.max_bytes_per_stream

    @property
    def left(self) -> int:
        """How many are still wanted."""
        return self.wanted - self.printed

    @property
    def is_done(self) -> bool:
        """Whether all that was wanted is printed, or no more can be."""
        return self._is_full or self.left <= 0

    def take(self, body: bytes, known: Mapping[str, object]) -> bool:
        """Print one, with what else is known of it if JSON is wanted. Says whether it was printed.

        One that does not fit ends the task, and has to stay with its server. Raises TaskFailed when it is the first.
        """
        return self.take_line(dumps({**known, **value_of(body)}) if self._as_json else body)

    def take_line(self, line: bytes) -> bool:
        """The same of a line that is complete."""
        if self.is_done:
            return False
        if len(line) + 1 > self.room:
            self._is_full = True
            if not self.printed:
                message = f"A message of {len(line):,} bytes is larger than what is kept of an output."
                raise TaskFailed(Reason.TOO_LARGE, message)
            self.tell("Stopped before a message for which there is no room left in the output.")
            return False
        self.room -= len(line) + 1
        self.printed += 1
        self._context.emit(Stream.STDOUT, line + b"\n")
        return True

    def tell(self, text: str) -> None:
        """A line for people, on stderr."""
        self._context.emit(Stream.STDERR, f"{text}\n".encode())


def value_of(body: bytes) -> dict[str, Any]:
    """As `value`, or as `value_base64` when it is not UTF-8."""
    try:
        return {"value": body.decode()}
    except UnicodeDecodeError:
        return {"value_base64": base64.b64encode(body).decode()}


async def receive(
    assignment: Assignment, printer: Printer, next_one: Callable[[], Awaitable[None]]
) -> Outcome:
    """Call `next_one`, which waits for a message and prints it, until all are there or the wait is over.

    The wait is as long as the job's timeout, or as is usual. It is content with some messages; without any the task
    is timed out. It ends a moment before the timeout itself, which would give all of them back.
    """
    timeout_secs = assignment.timeout_secs
    wait_secs = DEFAULT_WAIT_SECS
    if timeout_secs is not None:
        wait_secs = timeout_secs - min(_MOMENT_SECS, timeout_secs / 10)
    try:
        async with asyncio.timeout_at(printer.began_at + wait_secs) as waiting:
            while not printer.is_done:
                await next_one()
    except TimeoutError:
        if not waiting.expired():
            raise
        if not printer.printed:
            return Outcome.stopped("timeout", timeout_secs or wait_secs)
        printer.tell(f"{printer.printed:,} of {printer.wanted:,} messages came in time.")
    return Outcome.succeeded()
