"""Counts executions by the minute in which they were made, so that charts need not read history.

A background loop, apart from what runs jobs: it counts each minute once that is over, again while something in it may
still change, less and less often, and adds settled minutes of earlier days up to days. What is newer than the last
counted minute is counted when somebody asks.
"""

import asyncio
import time
from datetime import datetime, timedelta
from typing import Final

from tocsin_controller.jitter import jittered
from tocsin_controller.store.counts import (
    MINUTE,
    MinuteCount,
    count_minutes,
    counted_until,
    first_execution_from,
    fold_minute_counts,
    lock_counting,
    minutes_to_recount,
    put_minute_counts,
    set_counted_until,
)
from tocsin_controller.store.database import Database, Session
from tocsin_controller.store.jobs import read_clock
from tocsin_shared.ids import id_time

EVERY_SECS: Final = 15.0
#: A minute is first counted so long after it is over: until then what was made in it may not be committed.
SETTLING: Final = timedelta(seconds=60)
#: And once more then, whatever it looked like, for what came later still.
SECOND_LOOK: Final = timedelta(minutes=10)
#: A minute in which something has not ended, or is lost, is looked at again after a quarter of its age, within these.
SOONEST, LATEST = timedelta(minutes=1), timedelta(hours=6)
#: Then it is left as it is: no execution runs longer.
GIVEN_UP: Final = timedelta(days=40)
#: Minutes from before so long are added up to days once they are settled.
FOLDED_AFTER: Final = timedelta(days=2)
#: Counted in one transaction; rows of one minute that are looked at.
MINUTES_AT_ONCE: Final = 30
MOST_ROWS: Final = 5_000_000
#: A round that found more to do goes on for so long.
BUDGET_SECS: Final = 5.0
STATEMENT_TIMEOUT_SECS: Final = 60.0


class Counting:
    """The loop; whichever controller comes first counts."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            deadline = time.monotonic() + BUDGET_SECS
            while await self.once() and time.monotonic() < deadline:
                pass
            await asyncio.sleep(jittered(EVERY_SECS))

    async def once(self) -> bool:
        """Counts some minutes; whether there are more to count."""
        async with (
            self._db.hold(statement_timeout_secs=STATEMENT_TIMEOUT_SECS) as held,
            held.transaction() as session,
        ):
            if not await lock_counting(session):
                return False
            now = await read_clock(session)
            has_more = await self._go_on(session, now)
            again = await count_minutes(
                session, await minutes_to_recount(session, MINUTES_AT_ONCE), MOST_ROWS
            )
            await put_minute_counts(session, [minute_count(m, counts, now) for m, counts in again.items()])
            await fold_minute_counts(session, now - FOLDED_AFTER)
        return has_more

    async def _go_on(self, session: Session, now: datetime) -> bool:
        """Count the minutes that were not counted yet, oldest first."""
        end = floor_to_minute(now - SETTLING)
        first = await first_execution_from(session, await counted_until(session))
        if first is None or id_time(first) >= end:
            await set_counted_until(session, end)
            return False
        start = floor_to_minute(id_time(first))
        stop = min(start + MINUTES_AT_ONCE * MINUTE, end)
        counted = await count_minutes(session, minutes_between(start, stop), MOST_ROWS)
        await put_minute_counts(
            session, [minute_count(m, counts, now) for m, counts in counted.items() if counts]
        )
        await set_counted_until(session, stop)
        return stop < end


def minute_count(minute: datetime, by_status: dict[str, int], now: datetime) -> MinuteCount:
    """What is written down about a minute, and when to look at it again."""
    counts = dict(by_status)
    counts["open"] = sum(counts.pop(status, 0) for status in ("pending", "running", "pending_approval"))
    age = now - minute
    if (counts["open"] or counts.get("lost")) and age < GIVEN_UP:
        recount_at = now + min(max(age / 4, SOONEST), LATEST)
    elif age < SECOND_LOOK:
        recount_at = minute + SECOND_LOOK
    else:
        recount_at = None
    return MinuteCount(minute, counts, recount_at)


def floor_to_minute(moment: datetime) -> datetime:
    """The minute that a moment is in."""
    return moment.replace(second=0, microsecond=0)


def minutes_between(start: datetime, end: datetime) -> list[datetime]:
    """Every minute from `start` up to, but without, `end`."""
    return [start + n * MINUTE for n in range(max((end - start) // MINUTE, 0))]
