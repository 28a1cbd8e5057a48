"""An execution's output as server-sent events: from the start or any position on, until it has ended."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID

from tocsin_controller.hints import Hints, output_topic
from tocsin_controller.services.event_stream import frame, until_woken
from tocsin_controller.services.output_lines import LineCutter
from tocsin_controller.store.database import Database, Record
from tocsin_controller.store.history import execution_end
from tocsin_controller.store.output import output_after
from tocsin_shared.errors import Unavailable
from tocsin_shared.executions import ExecutionStatus
from tocsin_shared.wire import dumps

#: What other controllers wrote is noticed this late at most.
POLL_SECS: Final = 0.5
#: Events are handed on when this many bytes of them are ready, so that memory does not grow with the output.
BATCH_BYTES: Final = 128 * 1024


async def follow_output(
    db: Database, hints: Hints, execution_id: UUID, position: str | None
) -> AsyncIterator[bytes]:
    """Ready-made events in batches: one per line, then `done` with how it ended.

    An outage of the database only makes it wait. A reader that does not keep up holds up nobody: nothing is read
    ahead of it.
    """
    cutter = LineCutter(position)
    with hints.watch(output_topic(execution_id)) as woken:
        while True:
            woken.clear()
            try:
                end = await execution_end(db, execution_id)  # before its output: what ended prints no more
                async for batch in _new_lines(db, execution_id, cutter):
                    yield batch
            except Unavailable:
                await asyncio.sleep(POLL_SECS)
                continue
            if end is None:
                return
            if ExecutionStatus(end["status"]).is_final:
                yield b"".join(frame(line, event_id) for line, event_id in cutter.finish()) + _done(end)
                return
            await until_woken(woken, POLL_SECS)


async def _new_lines(db: Database, execution_id: UUID, cutter: LineCutter) -> AsyncIterator[bytes]:
    while chunks := await output_after(db, execution_id, *cutter.read):
        batch = bytearray()
        for chunk in chunks:
            for line, position in cutter.feed(chunk["stream"], chunk["start_offset"], chunk["data"]):
                batch += frame(line, position)
                if len(batch) >= BATCH_BYTES:
                    yield bytes(batch)
                    batch.clear()
                    await asyncio.sleep(0)  # a long chunk of short lines must not hold up everybody else
        if batch:
            yield bytes(batch)


def _done(end: Record) -> bytes:
    outcome = {"status": end["status"], "exit_code": end["exit_code"], "reason": end["reason"]}
    return frame(dumps(outcome).decode(), None, event="done")
