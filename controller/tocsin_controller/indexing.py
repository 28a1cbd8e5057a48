"""Makes what executions printed findable, some seconds after they have ended.

A background loop, apart from what runs jobs. It walks along executions by id; those that have not ended are looked at
again later, less and less often. Of each stream the beginning and the end are taken, so an execution costs the same
however much it printed. It never works more than half of the time.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from tocsin_controller.jitter import jittered
from tocsin_controller.searchable import words_of
from tocsin_controller.store.database import Database, Queries, Session
from tocsin_controller.store.jobs import read_clock
from tocsin_controller.store.output import output_tails
from tocsin_controller.store.output_search import (
    Candidate,
    executions_to_index,
    forget_unindexed,
    indexed_until,
    insert_output_search,
    lock_indexing,
    look_again,
    output_heads,
    set_indexed_until,
    unindexed_due,
)
from tocsin_shared.executions import STREAM_NUMBERS, ExecutionStatus
from tocsin_shared.ids import id_floor, id_time

EVERY_SECS: Final = 2.0
#: Executions are looked at so long after they were made: until then some may not be committed.
SETTLING: Final = timedelta(seconds=20)
#: Bytes of each stream: all of a short one, else its beginning and its end.
HEAD_BYTES: Final = 8 * 1024
TAIL_BYTES: Final = 24 * 1024
#: Executions that are walked past, and that are read, in one transaction.
AT_ONCE: Final = 2_000
READ_AT_ONCE: Final = 50
#: What has not ended is looked at again after a quarter of its age, within these.
SOONEST_SECS, LATEST_SECS = 5.0, 900.0
#: A lost execution whose agent comes back later than this is not found by its output.
FOUND_AGAIN: Final = timedelta(days=1)
STATEMENT_TIMEOUT_SECS: Final = 60.0


class Indexing:
    """The loop; whichever controller comes first does it."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def run(self) -> None:
        """Until cancelled."""
        async with self._db.hold(statement_timeout_secs=STATEMENT_TIMEOUT_SECS) as held:
            while True:
                began = time.monotonic()
                has_more = await self._round(held)
                took_secs = time.monotonic() - began
                await asyncio.sleep(took_secs if has_more else jittered(EVERY_SECS))

    async def once(self, *, settling: timedelta = SETTLING) -> bool:
        """One round; whether there is more to do."""
        async with self._db.hold(statement_timeout_secs=STATEMENT_TIMEOUT_SECS) as held:
            return await self._round(held, settling)

    async def _round(self, held: Session, settling: timedelta = SETTLING) -> bool:
        async with held.transaction() as session:
            if not await lock_indexing(session):
                return False
            again = await unindexed_due(session, READ_AT_ONCE)
            has_more = await self._walk(session, settling)
            await self._index(session, again)
            now = await read_clock(session)
            await forget_unindexed(session, [c.id for c in again if not _may_change(c, now)])
        return has_more or len(again) == READ_AT_ONCE

    async def _walk(self, session: Session, settling: timedelta) -> bool:
        """Look at the next executions."""
        horizon = id_floor(await read_clock(session) - settling)
        since = await indexed_until(session)
        found = await executions_to_index(session, since, horizon, AT_ONCE)
        done = _until_enough_to_read(found)
        await self._index(session, done)
        if len(done) == len(found) < AT_ONCE:
            await set_indexed_until(session, max(horizon, since))
            return False
        await set_indexed_until(session, UUID(int=done[-1].id.int + 1))
        return True

    async def _index(self, session: Session, candidates: Sequence[Candidate]) -> None:
        now = await read_clock(session)
        waiting = [c for c in candidates if _may_change(c, now)]
        ages = {c.id: (now - id_time(c.id)).total_seconds() for c in waiting}
        await look_again(
            session, {i: min(max(age / 4, SOONEST_SECS), LATEST_SECS) for i, age in ages.items()}
        )
        readable = [c for c in candidates if _is_worth_reading(c)]
        if readable:
            pieces = await pieces_of(session, readable)
            texts = await asyncio.to_thread(_as_words, pieces)
            await insert_output_search(session, texts)


async def pieces_of(session: Queries, candidates: Sequence[Candidate]) -> dict[UUID, list[tuple[int, str]]]:
    """What of each execution's output is searched: (stream number, text)."""
    heads = await output_heads(session, [c.id for c in candidates], HEAD_BYTES)
    long = [c.id for c in candidates if any(size > len(heads.get(key, b"")) for key, size in _streams(c))]
    tails = await output_tails(session, long, TAIL_BYTES) if long else {}
    found: dict[UUID, list[tuple[int, str]]] = {}
    for candidate in candidates:
        for key, size in _streams(candidate):
            head = heads.get(key, b"")
            after = size - len(head)
            tail = tails.get(key, b"")[-after:] if after > 0 else b""
            if head or tail:
                gap = b"\n" if len(tail) < after else b""
                text = (head + gap + tail).decode("utf-8", "replace")
                found.setdefault(candidate.id, []).append((key[1], text))
    return found


def _streams(candidate: Candidate) -> list[tuple[tuple[UUID, int], int]]:
    """Both, as (execution, stream number), and how much each printed."""
    sizes = candidate.stdout_bytes, candidate.stderr_bytes
    return [
        ((candidate.id, number), size) for number, size in zip(STREAM_NUMBERS.values(), sizes, strict=True)
    ]


def _as_words(pieces: Mapping[UUID, Sequence[tuple[int, str]]]) -> dict[UUID, str]:
    texts = ((i, " ".join(" ".join(words_of(text)) for _, text in parts)) for i, parts in pieces.items())
    return {execution_id: text for execution_id, text in texts if text}


def _until_enough_to_read(found: Sequence[Candidate]) -> Sequence[Candidate]:
    """The first of them, with no more that have to be read than are read at once."""
    left = READ_AT_ONCE
    for position, candidate in enumerate(found):
        left -= _is_worth_reading(candidate)
        if left < 0:
            return found[:position]
    return found


def _is_over(candidate: Candidate) -> bool:
    return candidate.status is not None and ExecutionStatus(candidate.status).is_final


def _may_change(candidate: Candidate, now: datetime) -> bool:
    """Whether it has to be looked at again: what is lost may still be heard of."""
    if candidate.status is None:
        return False
    is_lost = candidate.status == ExecutionStatus.LOST and now - id_time(candidate.id) < FOUND_AGAIN
    return is_lost or not _is_over(candidate)


def _is_worth_reading(candidate: Candidate) -> bool:
    return _is_over(candidate) and candidate.stdout_bytes + candidate.stderr_bytes > 0
