"""What people see of a transfer: a line every few seconds, and at the end one JSON object."""

import asyncio
from typing import Any, Final

import orjson

from tocsin_agent.tasks.base import TaskContext
from tocsin_shared.executions import Stream

#: Between two lines.
EVERY_SECS = 5.0
_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB")


class Progress:
    """Counts what has moved."""

    def __init__(self, context: TaskContext, every_secs: float = EVERY_SECS) -> None:
        self._context = context
        self._every_secs = every_secs
        self._begun = self._told = asyncio.get_running_loop().time()
        self._first = 0
        #: How much there is of it, in bytes, once that is known.
        self.total: int | None = None
        #: How much of it is there.
        self.done = 0

    def begin(self, at: int) -> None:
        """So much was there already."""
        self._first = self.done = at

    def add(self, count: int) -> None:
        """So much more has moved."""
        self.done += count
        now = asyncio.get_running_loop().time()
        if now - self._told >= self._every_secs:
            self._told = now
            rate = (self.done - self._first) / max(now - self._begun, 1e-3)
            self.say(f"{amount(self.done)}{self._share()}, {amount(rate)}/s")

    def say(self, text: str) -> None:
        """A line of its own on stderr."""
        self._context.emit(Stream.STDERR, f"{text}\n".encode())

    def conclude(self, **said: Any) -> None:
        """The result, as one line on stdout."""
        secs = asyncio.get_running_loop().time() - self._begun
        result = {**said, "bytes": self.done, "secs": round(secs, 3)}
        if self._first:
            result["resumed_at"] = self._first
        self._context.emit(Stream.STDOUT, orjson.dumps(result) + b"\n")

    def _share(self) -> str:
        if not self.total:
            return ""
        return f" of {amount(self.total)} ({self.done * 100 // self.total} %)"


def amount(count: float) -> str:
    """Bytes for people."""
    unit = 0
    while count >= 1024 and unit < len(_UNITS) - 1:
        count /= 1024
        unit += 1
    return f"{count:.0f} {_UNITS[unit]}" if unit == 0 else f"{count:.1f} {_UNITS[unit]}"
