"""What a process wrote last, read from the file that its keeper writes: there it is without secrets."""

from pathlib import Path
from typing import Final

from tocsin_agent.journal.spool import Spool
from tocsin_shared.executions import Stream

#: Behind the execution's id, in the directory of outputs.
OUTPUT_SUFFIX: Final = ".out"
_KEPT_BYTES: Final = 4_000


def last_line_of(path: Path, stream: Stream) -> str:
    """The last line that is not empty, and not too much of it. Blocks."""
    tail = b""
    try:
        for chunk in Spool(path).undelivered(2**40):
            if chunk.stream is stream:
                tail = (tail + chunk.data)[-_KEPT_BYTES:]
    except OSError:
        return ""
    lines = tail.decode("utf-8", "replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
