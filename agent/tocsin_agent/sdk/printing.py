"""What a function prints is the output of its execution; what anybody else prints goes where it always went."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TextIO

from tocsin_agent.sdk.execution import Execution

#: Of the function that runs here; threads that a function starts itself have none.
current: ContextVar[Execution | None] = ContextVar("tocsin_execution", default=None)


@contextmanager
def prints_are_output() -> Iterator[None]:
    """As long as this lasts."""
    before = sys.stdout, sys.stderr
    sys.stdout = _Divided(before[0], is_stderr=False)
    sys.stderr = _Divided(before[1], is_stderr=True)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


class _Divided(io.TextIOBase):
    """Text goes to the execution that runs here, or else to the stream that was there before."""

    def __init__(self, before: TextIO, *, is_stderr: bool) -> None:
        self._before = before
        self._is_stderr = is_stderr

    def write(self, text: str) -> int:
        execution = current.get()
        if execution is None:
            return self._before.write(text)
        execution.write(text, stderr=self._is_stderr)
        return len(text)

    def flush(self) -> None:
        execution = current.get()
        if execution is None:
            self._before.flush()
        else:
            execution.flush()

    def fileno(self) -> int:
        return self._before.fileno()

    def isatty(self) -> bool:
        return current.get() is None and self._before.isatty()

    def writable(self) -> bool:
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a plain attribute in the base
        return self._before.encoding
