"""Dkron's counters of executions by job, for whoever shows a key: `/metrics` is open to anybody and names no job.

Nothing counts while nobody asks. Each request adds what has ended since the one before; the first begins at nothing, as
does one after a long silence: for Prometheus that is a restart.
"""

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from tocsin_controller.api.metrics import Metric
from tocsin_controller.store.bulk import names_of
from tocsin_controller.store.database import Database
from tocsin_controller.store.dkron import ends_between
from tocsin_controller.store.jobs import read_clock
from tocsin_shared.ids import id_floor

#: An end is counted so long after it was told: until then some may not be committed.
SETTLING: Final = timedelta(seconds=10)
#: Longer pauses between requests are not caught up with.
LONGEST_PAUSE: Final = timedelta(minutes=15)
#: Jobs that are named; of more, those that ran most.
MOST_JOBS: Final = 10_000


class JobCounts:
    """How executions ended since this controller was first asked."""

    def __init__(self, db: Database, *, settling: timedelta = SETTLING) -> None:
        self._db = db
        self._settling = settling
        self._until: datetime | None = None
        self._succeeded = Counter[UUID]()
        self._failed = Counter[UUID]()
        self._one_at_a_time = asyncio.Lock()

    async def read(self) -> list[Metric]:
        """As of a few seconds ago."""
        async with self._one_at_a_time:
            await self._catch_up()
            busiest = (self._succeeded + self._failed).most_common(MOST_JOBS)
            names = await names_of(self._db, [job_id for job_id, _ in busiest])
            return [
                _metric("succeeded", self._succeeded, names),
                _metric("failed", self._failed, names),
            ]

    async def _catch_up(self) -> None:
        end = await read_clock(self._db) - self._settling
        if self._until is None or end - self._until > LONGEST_PAUSE:
            self._succeeded.clear()
            self._failed.clear()
        elif end > self._until:
            for row in await ends_between(self._db, id_floor(self._until), id_floor(end)):
                self._succeeded[row["job_id"]] += row["succeeded"]
                self._failed[row["job_id"]] += row["failed"]
        self._until = max(end, self._until or end)


def _metric(how: str, counts: Counter[UUID], names: dict[UUID, str]) -> Metric:
    shown = {name: counts[job_id] for job_id, name in names.items()}
    help_text = f"Executions of the job that {how}, since this controller was first asked."
    return Metric(f"dkron_job_executions_{how}_total", "counter", help_text, shown, "job_name")
