"""Routes about counts over history."""

from typing import Any

from pydantic import ConfigDict, Field

from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.api.table import Call, Route
from tocsin_controller.security.roles import READERS
from tocsin_controller.services.statistics import MOST_MINUTES, Statistics, parse_bucket
from tocsin_shared.errors import InvalidInput
from tocsin_shared.views.statistics import ChartsView, MinuteLine, TimelinePoint
from tocsin_shared.wire import Model


class TimelineQuery(Model):
    """How far back."""

    model_config = ConfigDict(extra="forbid")

    minutes: int = Field(15, ge=1, le=MOST_MINUTES, description="Minutes up to now.")


class JobTimelineQuery(Model):
    """How far back."""

    model_config = ConfigDict(extra="forbid")

    minutes: int = Field(60, ge=1, le=MOST_MINUTES, description="Minutes up to now.")


class StatisticsRoutes:
    """Charts and timelines."""

    def __init__(self, parts: Parts) -> None:
        self._statistics = Statistics(parts.db)
        self._jobs = parts.jobs

    def routes(self) -> list[Route]:
        """In the order in which paths are tried."""
        return [
            Route(
                "GET", "/api/stats/charts", self.charts, "How executions ended, what jobs do and when, by label",
                READERS, "statistics", response=ChartsView,
            ),
            Route(
                "GET", "/api/timeline", self.timeline, "Executions by the minute in which they were made", READERS,
                "statistics", query=TimelineQuery, response=list[TimelinePoint],
            ),
            Route(
                "GET", "/api/timeline/{job}", self.timeline_of_job, "The same for one job", READERS, "statistics",
                query=JobTimelineQuery, response=list[TimelinePoint],
            ),
            Route(
                "GET", "/api/timeline-detail/{bucket}", self.minute, "What was made in one minute, such as "
                "2026-01-31T08:30", READERS, "statistics", response=list[MinuteLine],
            ),
        ]  # fmt: skip

    async def charts(self, call: Call) -> Any:
        return await self._statistics.charts()

    async def timeline(self, call: Call) -> Any:
        return await self._statistics.timeline(call.query.minutes)

    async def timeline_of_job(self, call: Call) -> Any:
        job_id = await self._jobs.find_id(call.path["job"])
        return await self._statistics.timeline_of_job(job_id, call.query.minutes)

    async def minute(self, call: Call) -> Any:
        bucket = parse_bucket(call.path["bucket"])
        if bucket is None:
            raise InvalidInput.field("bucket", "must be a minute such as 2026-01-31T08:30, in UTC")
        return await self._statistics.minute(bucket)
