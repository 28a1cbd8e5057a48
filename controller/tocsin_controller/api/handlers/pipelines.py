"""Routes about pipelines: their schedules and their runs."""

from typing import Any

from aiohttp import web
from pydantic import Field

from tocsin_controller.api.handlers.parts import Parts, cursor
from tocsin_controller.api.paging import COUNT_CAP, PageQuery, counted_page
from tocsin_controller.api.table import Call, Route
from tocsin_controller.security.roles import READERS, WRITERS
from tocsin_controller.services.groups import group_name
from tocsin_controller.services.pipelines import PipelineService, show_pipeline_run
from tocsin_shared.pipelines import (
    PipelineRunDetail,
    PipelineRunView,
    PipelineSchedule,
    PipelineScheduleAnswer,
    PipelineScheduleSet,
    PipelineStarted,
    PipelineStatus,
    PipelineView,
)
from tocsin_shared.views.base import Page
from tocsin_shared.wire import dumps


class PipelineRunsQuery(PageQuery):
    """Which pipeline runs."""

    status: PipelineStatus | None = Field(None, description="Only with this status.")


class PipelineRoutes:
    """Pipelines: schedules, runs, retry."""

    def __init__(self, parts: Parts) -> None:
        engine = parts.engine
        self._pipelines = PipelineService(parts.db, engine.hints, engine.definitions, engine.pipeline_clock)

    def routes(self) -> list[Route]:
        """In the order in which paths are tried."""
        schedule, runs = "/api/jobs/pipeline-schedule/{group}", "/api/pipelines/{group}/runs"
        return [
            Route(
                "GET", schedule, self.schedule, "Read when a group's roots start by themselves; null: never",
                READERS, "pipelines", response=PipelineSchedule | None,
            ),
            Route(
                "PUT", schedule, self.set_schedule, "Have a group's roots start by themselves", WRITERS, "pipelines",
                body=PipelineScheduleSet, response=PipelineScheduleAnswer,
            ),
            Route(
                "DELETE", schedule, self.drop_schedule, "A group's roots no longer start by themselves", WRITERS,
                "pipelines", status=204,
            ),
            Route(
                "GET", "/api/pipelines", self.list, "List groups whose jobs wait for each other, or with a schedule",
                READERS, "pipelines", response=list[PipelineView],
            ),
            Route(
                "GET", runs, self.runs, "List pipeline runs of a group, newest first", READERS, "pipelines",
                query=PipelineRunsQuery, response=Page[PipelineRunView],
            ),
            Route(
                "POST", runs, self.start, "Start the roots of a group now", WRITERS, "pipelines",
                response=PipelineStarted, status=202, is_repeatable=True,
            ),
            Route(
                "GET", runs + "/{id}", self.run, "Read a pipeline run with its graph and critical path", READERS,
                "pipelines", response=PipelineRunDetail,
            ),
            Route(
                "POST", runs + "/{id}/retry", self.retry, "Run a pipeline run again from where it failed", WRITERS,
                "pipelines", response=PipelineStarted, status=202, is_repeatable=True,
            ),
        ]  # fmt: skip

    async def schedule(self, call: Call) -> web.Response:
        found = await self._pipelines.schedule(call.path["group"])
        return web.Response(body=dumps(found), content_type="application/json")

    async def set_schedule(self, call: Call) -> Any:
        body: PipelineScheduleSet = call.body
        group = group_name(call.path["group"])
        await self._pipelines.set_schedule(group, body, call.caller)
        return {"status": "ok", "group": group}

    async def drop_schedule(self, call: Call) -> None:
        await self._pipelines.drop_schedule(call.path["group"], call.caller)

    async def list(self, call: Call) -> Any:
        return await self._pipelines.list()

    async def runs(self, call: Call) -> Any:
        query: PipelineRunsQuery = call.query
        page = await self._pipelines.runs(
            call.path["group"],
            status=query.status,
            before=cursor(query.after),
            offset=query.offset,
            limit=query.per_page,
            cap=COUNT_CAP,
        )
        data = [show_pipeline_run(row) for row in page.rows]
        return counted_page(data, query, page.total, last=data[-1]["id"] if data else None)

    async def start(self, call: Call) -> Any:
        kind = "cli" if call.is_from_cli else "api"
        return await self._pipelines.start(
            call.path["group"], kind, call.caller, idempotency_key=call.idempotency_key
        )

    async def run(self, call: Call) -> Any:
        return await self._pipelines.run(call.path["group"], call.id("id"))

    async def retry(self, call: Call) -> Any:
        return await self._pipelines.retry(
            call.path["group"], call.id("id"), call.caller, idempotency_key=call.idempotency_key
        )
