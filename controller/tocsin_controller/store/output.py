"""Questions about what executions printed."""

from collections.abc import AsyncIterator, Sequence
from typing import Final
from uuid import UUID

from tocsin_controller.store.database import Queries, Record
from tocsin_controller.store.statements import sql

_OUTPUT_TAILS = sql("output_tails")
_OUTPUT_AFTER = sql("output_after")
_OUTPUT_OF_STREAM = sql("output_of_stream")

#: Chunks read at once; each is at most 64 KiB.
CHUNKS_AT_ONCE: Final = 16


async def output_tails(
    db: Queries, execution_ids: Sequence[UUID], size: int
) -> dict[tuple[UUID, int], bytes]:
    """The last bytes of what each printed, by (execution, stream number)."""
    rows = await db.fetch(_OUTPUT_TAILS, list(execution_ids), size)
    return {(row["execution_id"], row["stream"]): row["data"][-size:] for row in rows if row["data"]}


async def output_after(db: Queries, execution_id: UUID, stdout_from: int, stderr_from: int) -> list[Record]:
    """The next chunks from these offsets on, in the order they were sent; the first may begin earlier."""
    return await db.fetch(_OUTPUT_AFTER, execution_id, stdout_from, stderr_from, CHUNKS_AT_ONCE)


async def chunks_of(db: Queries, execution_id: UUID, stream: int) -> AsyncIterator[tuple[int, bytes]]:
    """One stream from its start: (offset, bytes), a few chunks in memory at a time."""
    position = 0
    while rows := await db.fetch(_OUTPUT_OF_STREAM, execution_id, stream, position, CHUNKS_AT_ONCE):
        for row in rows:
            yield row["start_offset"], row["data"]
        position = rows[-1]["start_offset"] + 1
