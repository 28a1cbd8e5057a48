"""An execution's output as lines, as they come, from any point on."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from uuid import UUID

from tocsin_controller.hints import Hints, output_topic
from tocsin_controller.services.output_text import gap_mark
from tocsin_controller.store import history
from tocsin_controller.store.database import Database
from tocsin_shared.executions import ExecutionStatus
from tocsin_shared.wire import dumps

#: Other controllers' writes are noticed this late at most.
POLL_SECS = 0.5
#: Longer lines are sent in pieces.
MAX_LINE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One server-sent event."""

    data: str
    id: str | None = None
    event: str | None = None


@dataclass(slots=True)
class _Lines:
    """Cuts one stream into lines; knows where the next unsent byte stands."""

    prefix: str
    sent: int = 0
    read: int = 0
    rest: bytearray = field(default_factory=bytearray)

    def feed(self, offset: int, data: bytes) -> list[str]:
        """Complete lines."""
        if offset > self.read:
            self.rest += gap_mark(offset - self.read)
            self.sent += offset - self.read - len(gap_mark(offset - self.read))
        self.rest += data[max(self.read - offset, 0) :]
        self.read = max(self.read, offset + len(data))
        lines: list[str] = []
        while True:
            end = self.rest.find(b"\n")
            if end < 0:
                if len(self.rest) < MAX_LINE_BYTES:
                    return lines
                end, skip = MAX_LINE_BYTES, 0
            else:
                end, skip = (end, 1) if end <= MAX_LINE_BYTES else (MAX_LINE_BYTES, 0)
            lines.append(self._cut(end, skip))

    def flush(self) -> list[str]:
        """The last line, if it has no end."""
        return [self._cut(len(self.rest), 0)] if self.rest else []

    def _cut(self, end: int, skip: int) -> str:
        text = bytes(self.rest[:end]).decode("utf-8", "replace")
        del self.rest[: end + skip]
        self.sent += end + skip
        return self.prefix + text.rstrip("\r")


async def stream_output(
    db: Database, hints: Hints, execution_id: UUID, last_event_id: str | None
) -> AsyncIterator[StreamEvent | None]:
    """Everything it printed and prints, then `done`. None means: nothing for a while, keep the line alive."""
    stdout_from, stderr_from = _position(last_event_id)
    streams = {
        1: _Lines("", stdout_from, stdout_from),
        2: _Lines("[stderr] ", stderr_from, stderr_from),
    }
    with hints.watch(output_topic(execution_id)) as woken:
        quiet = 0.0
        while True:
            woken.clear()
            row = await history.execution(db, execution_id)
            if row is None:
                return
            is_over = ExecutionStatus(row["status"]).is_final
            got_any = False
            while chunks := await history.output_after(db, execution_id, streams[1].read, streams[2].read):
                got_any = True
                for chunk in chunks:
                    for line in streams[chunk["stream"]].feed(chunk["start_offset"], chunk["data"]):
                        yield StreamEvent(line, f"{streams[1].sent}-{streams[2].sent}")
            if is_over:
                for lines in streams.values():
                    for line in lines.flush():
                        yield StreamEvent(line, f"{streams[1].sent}-{streams[2].sent}")
                end = {"status": row["status"], "exit_code": row["exit_code"], "reason": row["reason"]}
                yield StreamEvent(dumps(end).decode(), f"{streams[1].sent}-{streams[2].sent}", "done")
                return
            quiet = 0.0 if got_any else quiet + POLL_SECS
            if quiet >= 15:
                quiet = 0.0
                yield None
            try:
                async with asyncio.timeout(POLL_SECS):
                    await woken.wait()
            except TimeoutError:
                pass


def _position(last_event_id: str | None) -> tuple[int, int]:
    """Offsets out of an event's id; anything else starts from the beginning."""
    stdout, _, stderr = (last_event_id or "").partition("-")
    if stdout.isdecimal() and stderr.isdecimal() and len(stdout) < 19 and len(stderr) < 19:
        return int(stdout), int(stderr)
    return 0, 0
