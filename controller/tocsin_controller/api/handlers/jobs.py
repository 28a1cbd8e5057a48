"""Routes about jobs."""

from typing import Annotated, Any

from pydantic import AfterValidator

from tocsin_controller.api.handlers.executions import list_page
from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.api.paging import COUNT_CAP, PageQuery, page_of
from tocsin_controller.api.table import Call, Route
from tocsin_controller.security.roles import READERS, WRITERS
from tocsin_controller.services.show import as_uuid, show_job
from tocsin_controller.store.history import ExecutionFilter
from tocsin_controller.store.jobs import group_names, job_activity, job_versions, list_jobs, stored_job
from tocsin_shared.jobs import (
    DEFAULT_GROUP,
    AnyJobStatus,
    JobCreate,
    JobUpdate,
    TriggerRequest,
    TriggerResponse,
)
from tocsin_shared.wire import Text

#: Executions of a job that its counts look back on.
COUNTED = 1_000


class JobsQuery(PageQuery):
    """Which jobs."""

    status: AnyJobStatus | None = None
    group: Text | None = None
    #: Found literally in the name or the task.
    search: Text | None = None


def _at_most_a_hundred(value: int | None) -> int | None:
    return min(value, 100) if value else None


class HistoryQuery(PageQuery):
    """Which page of a job's executions; `limit` is another name for `per_page`."""

    limit: Annotated[int | None, AfterValidator(_at_most_a_hundred)] = None


class JobRoutes:
    """Jobs: read, write, trigger."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._db = parts.db

    def routes(self) -> list[Route]:
        """In the order in which paths are tried."""
        job = "/api/jobs/{job}"
        return [
            Route("GET", "/api/jobs", self.list, "List jobs by name", READERS, "jobs", query=JobsQuery),
            Route(
                "POST", "/api/jobs", self.create, "Create a job", WRITERS, "jobs", body=JobCreate, status=201
            ),
            Route("GET", "/api/jobs/groups", self.groups, "List groups", READERS, "jobs"),
            Route("GET", job, self.get, "A job, by id or exact name", READERS, "jobs"),
            Route("PUT", job, self.update, "Change a job", WRITERS, "jobs", body=JobUpdate),
            Route("DELETE", job, self.delete, "Delete a job", WRITERS, "jobs", status=204),
            Route(
                "POST",
                job + "/trigger",
                self.trigger,
                "Run a job now; repeatable with an Idempotency-Key header",
                WRITERS,
                "jobs",
                body=TriggerRequest,
                body_required=False,
                response=TriggerResponse,
                status=202,
            ),
            Route("GET", job + "/versions", self.versions, "Every saved change", READERS, "jobs"),
            Route(
                "GET", job + "/executions", self.executions, "History", READERS, "jobs", query=HistoryQuery
            ),
        ]

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
        jobs = [stored_job(row) for row in page.rows]
        activity = await job_activity(self._db, [job.id for job in jobs], COUNTED)
        data = [show_job(job, activity.get(job.id)) for job in jobs]
        return page_of(data, query, page.total, next_cursor=jobs[-1].name if jobs else None)

    async def create(self, call: Call) -> Any:
        job_id = await self._parts.jobs.create(call.body, call.caller)
        return await self._show(str(job_id))

    async def groups(self, call: Call) -> Any:
        return sorted({DEFAULT_GROUP, *await group_names(self._db)})

    async def get(self, call: Call) -> Any:
        return await self._show(call.path["job"])

    async def update(self, call: Call) -> Any:
        job_id = await self._parts.jobs.update(call.path["job"], call.body, call.caller)
        return await self._show(str(job_id))

    async def delete(self, call: Call) -> None:
        await self._parts.jobs.delete(call.path["job"], call.caller)

    async def trigger(self, call: Call) -> Any:
        key = call.request.headers.get("Idempotency-Key")
        return await self._parts.jobs.trigger(
            call.path["job"], call.body, call.caller, idempotency_key=key[:255] if key else None
        )

    async def versions(self, call: Call) -> Any:
        job_id = as_uuid(call.path["job"]) or (await self._parts.jobs.find(call.path["job"])).id
        return [
            {
                "version": row["version"],
                "snapshot": row["definition"],
                "changed_by": row["changed_by"],
                "created_at": row["created_at"],
            }
            for row in await job_versions(self._db, job_id, 1_000)
        ]

    async def executions(self, call: Call) -> Any:
        query: HistoryQuery = call.query
        if query.limit:
            query.per_page = query.limit
        job_id = as_uuid(call.path["job"]) or (await self._parts.jobs.find(call.path["job"])).id
        return await list_page(self._db, ExecutionFilter(job_id=job_id), query)

    async def _show(self, ref: str) -> dict[str, Any]:
        job = await self._parts.jobs.find(ref)
        activity = await job_activity(self._db, [job.id], COUNTED)
        return show_job(job, activity.get(job.id))
