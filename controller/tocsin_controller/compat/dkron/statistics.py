"""How many executions succeeded and failed, by day."""

from collections import Counter
from datetime import date, timedelta
from typing import Any, Final

from tocsin_controller.counting import floor_to_minute, minutes_between
from tocsin_controller.services.statistics import MOST_ROWS
from tocsin_controller.store.counts import MINUTE, count_minutes, counted_until
from tocsin_controller.store.database import Database
from tocsin_controller.store.dkron import counts_by_day
from tocsin_controller.store.jobs import read_clock

MOST_DAYS: Final = 365
_DEFAULT_DAYS: Final = 30


def days_asked(text: str | None) -> int:
    """What is no number, or none that makes sense, is a month."""
    if text is None or not text.isascii() or not text.isdigit() or int(text[:9]) <= 0:
        return _DEFAULT_DAYS
    return min(int(text[:9]), MOST_DAYS)


async def by_day(db: Database, days: int) -> list[dict[str, Any]]:
    """One entry a day, oldest first, ending with today (in UTC)."""
    now = await read_clock(db)
    today = now.date()
    first = today - timedelta(days=days - 1)
    succeeded, failed = Counter[date](), Counter[date]()
    for row in await counts_by_day(db, first):
        succeeded[row["day"]] += row["succeeded"]
        failed[row["day"]] += row["failed"]
    end = floor_to_minute(now) + MINUTE
    newer = minutes_between(await counted_until(db) or end - timedelta(hours=1), end)
    for minute, counts in (await count_minutes(db, newer, MOST_ROWS)).items():
        succeeded[minute.date()] += counts.get("succeeded", 0)
        failed[minute.date()] += sum(counts.get(status, 0) for status in ("failed", "timed_out", "lost"))
    listed = [first + timedelta(days=number) for number in range(days)]
    return [
        {"date": f"{day}T00:00:00Z", "success_count": succeeded[day], "failed_count": failed[day]}
        for day in listed
    ]
