"""Counts for charts and timelines: what the counting loop has written down, and what is newer, counted now."""

import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from tocsin_controller.counting import floor_to_minute, minutes_between
from tocsin_controller.store.counts import (
    ENDS,
    MINUTE,
    count_job_types,
    count_jobs_in_minute,
    count_minutes,
    counted_until,
    minute_counts_between,
    statuses_of_job,
    total_counts,
)
from tocsin_controller.store.database import Queries
from tocsin_controller.store.jobs import read_clock
from tocsin_shared.ids import id_time

#: The longest timeline: a day.
MOST_MINUTES: Final = 1_440
#: Rows of one minute, of one job's timeline, and of minutes that are counted again for one timeline.
MOST_ROWS: Final = 500_000
MOST_OF_JOB: Final = 50_000
MOST_AGAIN: Final = 100_000
#: Executions that have not ended are counted no further.
MOST_OPEN: Final = 100_000
#: Lines of one minute.
MOST_LINES: Final = 1_000
#: Charts are as old as this at most: every panel that somebody has open asks again and again.
FRESH_SECS: Final = 10.0

OUTCOMES: Final = {
    "succeeded": "Succeeded",
    "failed": "Failed",
    "timed_out": "Timed Out",
    "cancelled": "Cancelled",
    "running": "Running",
    "pending": "Pending",
}
TASKS: Final = {
    "shell": "Shell Command",
    "http": "HTTP Request",
    "script": "Rhai Script",
    "sql": "SQL Query",
    "ftp": "FTP Transfer",
    "file_push": "File Push",
    "kafka": "Kafka",
    "rabbitmq": "RabbitMQ",
    "mqtt": "MQTT",
    "redis": "Redis",
    "custom": "Custom Agent",
}
SCHEDULES: Final = {
    "cron": "Cron Schedule",
    "on_demand": "On Demand",
    "one_shot": "One-Time",
    "event": "Event Trigger",
}


class Statistics:
    """What one controller answers; charts are remembered for a moment."""

    def __init__(self, db: Queries) -> None:
        self._db = db
        self._charts: dict[str, dict[str, int]] = {}
        self._charts_at = float("-inf")

    async def charts(self) -> dict[str, dict[str, int]]:
        """Label to count: how executions ended, what jobs do and when."""
        if time.monotonic() - self._charts_at > FRESH_SECS:
            self._charts = await self._count_charts()
            self._charts_at = time.monotonic()
        return self._charts

    async def timeline(self, minutes: int) -> list[dict[str, Any]]:
        """A row per minute up to now, by when executions were made."""
        end = floor_to_minute(await read_clock(self._db)) + MINUTE
        start = end - minutes * MINUTE
        until = min(max(await counted_until(self._db) or start, start), end)
        counts = await minute_counts_between(self._db, start, until)
        again = [*_unsettled(counts), *minutes_between(until, end)]
        counts |= await count_minutes(self._db, again, MOST_ROWS)
        return [_point(minute, counts.get(minute, {})) for minute in minutes_between(start, end)]

    async def timeline_of_job(self, job_id: UUID, minutes: int) -> list[dict[str, Any]]:
        """The same for one job."""
        end = floor_to_minute(await read_clock(self._db)) + MINUTE
        start = end - minutes * MINUTE
        counts: dict[datetime, Counter[str]] = {}
        for execution_id, status in await statuses_of_job(self._db, job_id, start, MOST_OF_JOB):
            counts.setdefault(floor_to_minute(id_time(execution_id)), Counter())[status] += 1
        return [_point(minute, counts.get(minute, {})) for minute in minutes_between(start, end)]

    async def minute(self, minute: datetime) -> list[dict[str, Any]]:
        """What was made in one minute: job_name, status, count."""
        rows = await count_jobs_in_minute(self._db, minute, MOST_ROWS, MOST_LINES)
        return [dict(row) for row in rows]

    async def _count_charts(self) -> dict[str, dict[str, int]]:
        totals = Counter(await total_counts(self._db, MOST_OPEN))
        now = floor_to_minute(await read_clock(self._db)) + MINUTE
        newer = minutes_between(await counted_until(self._db) or now, now)
        for by_status in (await count_minutes(self._db, newer, MOST_ROWS)).values():
            totals.update({status: n for status, n in by_status.items() if status in ENDS})
        tasks, schedules = Counter[str](), Counter[str]()
        for row in await count_job_types(self._db):
            tasks[row["task_type"] or "unknown"] += row["count"]
            schedules[row["schedule_type"] or "unknown"] += row["count"]
        return {
            "execution_outcomes": _labelled(totals, OUTCOMES),
            "task_types": _labelled(tasks, TASKS),
            "schedule_types": _labelled(schedules, SCHEDULES),
        }


def parse_bucket(text: str) -> datetime | None:
    """`2026-01-31T08:30`, in UTC; None when it is no minute."""
    try:
        minute = datetime.strptime(text, "%Y-%m-%dT%H:%M").replace(tzinfo=UTC)
    except ValueError:
        return None
    return minute if 1970 <= minute.year < 9999 else None


def _unsettled(counts: Mapping[datetime, Mapping[str, int]]) -> list[datetime]:
    """Minutes in which something ran when they were counted, newest first, as far as they are few rows."""
    found: list[datetime] = []
    rows = 0
    for minute in sorted(counts, reverse=True):
        if counts[minute]["open"]:
            rows += sum(counts[minute].values())
            if rows > MOST_AGAIN:
                break
            found.append(minute)
    return found


def _point(minute: datetime, counts: Mapping[str, int]) -> dict[str, Any]:
    succeeded = counts.get("succeeded", 0)
    failed = counts.get("failed", 0) + counts.get("timed_out", 0)
    return {
        "time": f"{minute:%Y-%m-%dT%H:%M}",
        "succeeded": succeeded,
        "failed": failed,
        "other": sum(counts.values()) - succeeded - failed,
    }


def _labelled(counts: Mapping[str, int], labels: Mapping[str, str]) -> dict[str, int]:
    return {labels.get(key, key): count for key, count in counts.items() if count}
