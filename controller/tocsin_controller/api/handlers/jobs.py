"""Routes about jobs."""

from typing import Any
from uuid import UUID

from aiohttp import web
from pydantic import ConfigDict, Field

from tocsin_controller.api.conditions import (
    IF_MATCH,
    IF_NONE_MATCH,
    if_match,
    is_known_to,
    not_modified,
    tagged,
)
from tocsin_controller.api.handlers.executions import page_of_executions
from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.api.handlers.runs import page_of_runs
from tocsin_controller.api.paging import COUNT_CAP, PageQuery, PageSize, counted_page
from tocsin_controller.api.table import Call, Route
from tocsin_controller.security.roles import READERS, WRITERS
from tocsin_controller.services.dependencies import show_dependencies
from tocsin_controller.services.show import show_job
from tocsin_controller.services.templates import new_job
from tocsin_controller.store.database import Queries, Record
from tocsin_controller.store.history import ExecutionFilter
from tocsin_controller.store.jobs import job_activity, job_row, list_jobs
from tocsin_shared.errors import NotFound
from tocsin_shared.jobs import (
    AnyJobStatus,
    JobUpdate,
    TriggerRequest,
    TriggerResponse,
)
from tocsin_shared.templates import NewJob
from tocsin_shared.views.base import Page
from tocsin_shared.views.executions import ExecutionView
from tocsin_shared.views.jobs import JobView
from tocsin_shared.views.runs import RunView
from tocsin_shared.wire import Model, Text

#: Executions of a job that its counts look back on: many jobs on a page must not cost more than the page.
COUNTED = 50


class JobsQuery(PageQuery):
    """Which jobs."""

    status: AnyJobStatus | None = Field(None, description="Whether the schedule acts.")
    group: Text | None = Field(None, description="Only this group.")
    search: Text | None = Field(
        None, max_length=500, description="Found literally in the name or the task, in any case of letters."
    )


class HistoryQuery(PageQuery):
    """Which page of a job's history."""

    limit: PageSize | None = Field(None, description="Another name for `per_page`.")


class TriggerQuery(Model):
    """How to trigger."""

    model_config = ConfigDict(extra="forbid")

    skip_deps: bool = Field(
        False, description="Run it even if jobs that it waits for have not ended as they should have."
    )


class JobRoutes:
    """Jobs: read, write, trigger."""

    def __init__(self, parts: Parts) -> None:
        self._jobs = parts.jobs
        self._db = parts.db

    def routes(self) -> list[Route]:
        """In the order in which paths are tried."""
        job = "/api/jobs/{job}"
        return [
            Route(
                "GET", "/api/jobs", self.list, "List jobs by name", READERS, "jobs",
                query=JobsQuery, response=Page[JobView],
            ),
            Route(
                "POST", "/api/jobs", self.create, "Create a job, whole or from a template", WRITERS, "jobs",
                body=NewJob, response=JobView, status=201, is_repeatable=True,
            ),
            Route(
                "GET", job, self.get, "Read a job, by id or exact name", READERS, "jobs", response=JobView,
                headers=IF_NONE_MATCH, also={304: "Not changed"},
            ),
            Route(
                "PUT", job, self.update, "Change a job: any part of its definition, or its status", WRITERS, "jobs",
                body=JobUpdate, response=JobView, headers=IF_MATCH,
            ),
            Route(
                "DELETE", job, self.delete, "Delete a job: what waits is cancelled, what runs ends by itself, "
                "history stays", WRITERS, "jobs", status=204, headers=IF_MATCH,
            ),
            Route(
                "POST", job + "/trigger", self.trigger, "Run a job now, whatever its schedule says", WRITERS, "jobs",
                query=TriggerQuery, body=TriggerRequest, body_required=False, response=TriggerResponse, status=202,
                is_repeatable=True,
            ),
            Route(
                "GET", job + "/executions", self.executions, "A job's executions, newest first", READERS, "jobs",
                query=HistoryQuery, response=Page[ExecutionView],
            ),
            Route(
                "GET", job + "/runs", self.runs, "A job's runs, newest first", READERS, "jobs",
                query=HistoryQuery, response=Page[RunView],
            ),
        ]  # fmt: skip

    async def list(self, call: Call) -> Any:
        query: JobsQuery = call.query
        page = await list_jobs(
            self._db,
            status=query.status.value if query.status else None,
            group=query.group,
            search=query.search,
            after=query.after,
            offset=query.offset,
            limit=query.per_page,
            cap=COUNT_CAP,
        )
        activity = await job_activity(self._db, [row["id"] for row in page.rows], COUNTED)
        deps = await show_dependencies(self._db, {row["id"]: row["definition"] for row in page.rows})
        data = [show_job(row, activity.get(row["id"]), deps.get(row["id"])) for row in page.rows]
        return counted_page(data, query, page.total, last=page.rows[-1]["name"] if page.rows else None)

    async def create(self, call: Call) -> web.Response:
        body = await new_job(self._db, call.body)
        job_id = await self._jobs.create(body, call.caller, idempotency_key=call.idempotency_key)
        return await answer_job(self._db, job_id, 201)

    async def get(self, call: Call) -> web.Response:
        row = await job_row(self._db, self._jobs.ref(call.path["job"]))
        if row is None:
            raise NotFound(f"there is no job '{call.path['job'][:100]}'")
        return not_modified(row) if is_known_to(call, row) else await _answer(self._db, row)

    async def update(self, call: Call) -> web.Response:
        job_id = await self._jobs.update(call.path["job"], call.body, call.caller, if_match=if_match(call))
        return await answer_job(self._db, job_id)

    async def delete(self, call: Call) -> None:
        await self._jobs.delete(call.path["job"], call.caller, if_match=if_match(call))

    async def trigger(self, call: Call) -> Any:
        return await self._jobs.trigger(
            call.path["job"],
            call.body,
            call.caller,
            kind="cli" if call.is_from_cli else "api",
            idempotency_key=call.idempotency_key,
            skip_deps=call.query.skip_deps,
        )

    async def executions(self, call: Call) -> Any:
        query = _with_limit(call.query)
        job_id = await self._jobs.find_id(call.path["job"])
        return await page_of_executions(self._db, ExecutionFilter(job_ids=[job_id]), query)

    async def runs(self, call: Call) -> Any:
        query = _with_limit(call.query)
        job_id = await self._jobs.find_id(call.path["job"])
        return await page_of_runs(self._db, query, job_id=job_id)


async def answer_job(db: Queries, job_id: UUID, status: int = 200) -> web.Response:
    """The job as it is now, with its tag. Raises NotFound."""
    row = await job_row(db, job_id)
    if row is None:
        raise NotFound(f"there is no job '{job_id}'")
    return await _answer(db, row, status)


async def _answer(db: Queries, row: Record, status: int = 200) -> web.Response:
    activity = await job_activity(db, [row["id"]], COUNTED)
    deps = await show_dependencies(db, {row["id"]: row["definition"]})
    return tagged(show_job(row, activity.get(row["id"]), deps.get(row["id"])), row, status)


def _with_limit(query: HistoryQuery) -> HistoryQuery:
    return query.model_copy(update={"per_page": query.limit}) if query.limit else query
