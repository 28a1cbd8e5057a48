"""Events as they happen.

Ids grow with time, but not in the order of commits: another controller may commit an event with a smaller id a
moment later, or its clock may be behind. So the feed looks back a little for what it has not shown yet.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final
from uuid import UUID

from tocsin_controller.hints import EVENTS, Hints
from tocsin_controller.services.event_stream import frame, until_woken
from tocsin_controller.services.show import show_event
from tocsin_controller.store.database import Database, Record
from tocsin_controller.store.events import events_after, events_between, newest_event_id
from tocsin_controller.store.jobs import read_clock
from tocsin_shared.errors import Unavailable
from tocsin_shared.ids import id_floor, id_time
from tocsin_shared.wire import dumps

POLL_SECS: Final = 0.5
AT_ONCE: Final = 500
#: How far the feed looks back, how often, and at how many events at most.
LOOK_BACK: Final = timedelta(seconds=10)
LOOK_BACK_EVERY_SECS: Final = 2.0
MOST_LOOKED_BACK: Final = 2_000
#: So far may the clock of a controller that wrote an event be ahead of the database's.
AHEAD: Final = timedelta(hours=1)


async def follow_events(db: Database, hints: Hints, last_seen: UUID | None) -> AsyncIterator[bytes]:
    """Ready-made events: what comes after the given one, or from now on. Never ends by itself.

    An event that is still to come was never seen: then, too, from now on.
    """
    shown: dict[UUID, None] = {}
    last = last_seen
    looked_back_at = time.monotonic()
    with hints.watch(EVENTS) as woken:
        while True:
            woken.clear()
            try:
                if last is None or (not shown and id_time(last) > await read_clock(db) + AHEAD):
                    last = await newest_event_id(db) or UUID(int=0)
                shown.setdefault(last)
                rows = await events_after(db, last, AT_ONCE)
                late: list[Record] = []
                if time.monotonic() - looked_back_at > LOOK_BACK_EVERY_SECS:
                    looked_back_at = time.monotonic()
                    late = await _late_ones(db, last, shown)
            except Unavailable:
                await asyncio.sleep(POLL_SECS)
                continue
            for row in late:
                shown[row["id"]] = None
            if rows:
                last = rows[-1]["id"]
                shown.update((row["id"], None) for row in rows)
                _forget(shown, last)
            if late or rows:
                yield b"".join(_frame(row, last) for row in late) + b"".join(_frame(r, r["id"]) for r in rows)
            if len(rows) < AT_ONCE:
                await until_woken(woken, POLL_SECS)


async def _late_ones(db: Database, last: UUID, shown: dict[UUID, None]) -> list[Record]:
    """Events from a moment ago that were not there yet when their turn came."""
    if not shown or len(shown) >= MOST_LOOKED_BACK:
        return []
    start = max(next(iter(shown)), _before(last))
    rows = await events_between(db, start, last, MOST_LOOKED_BACK)
    return [row for row in rows if row["id"] not in shown]


def _forget(shown: dict[UUID, None], last: UUID) -> None:
    horizon = _before(last)
    for event_id in [i for i in shown if i < horizon]:
        del shown[event_id]


def _before(event_id: UUID) -> UUID:
    return id_floor(id_time(event_id) - LOOK_BACK)


def _frame(row: Record, resume_from: UUID) -> bytes:
    return frame(dumps(show_event(row)).decode(), str(resume_from))
