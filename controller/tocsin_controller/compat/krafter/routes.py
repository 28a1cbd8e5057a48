"""Krafter's routes (`/api/v1/cron`)."""

from typing import Any, Final

from aiohttp import web

from tocsin_controller.api.answers import json_response, with_error_headers
from tocsin_controller.compat.facade import FacadeCall, FacadeRoute
from tocsin_controller.compat.jobs import FacadeOfJobs
from tocsin_controller.compat.krafter.reading import KrafterChange, KrafterJob, changes_of, definition_of
from tocsin_controller.compat.krafter.writing import show_execution, show_job
from tocsin_controller.compat.past import past_attempts
from tocsin_controller.compat.saving import as_create, as_update, change_job, counted_from_now
from tocsin_controller.compat.wording import field_of_theirs, sentence_of
from tocsin_controller.security.roles import CRON_READERS, CRON_WRITERS, READERS, WRITERS
from tocsin_controller.services.show import show_definition
from tocsin_controller.store.database import Record
from tocsin_controller.store.jobs import job_activity, list_jobs, read_clock
from tocsin_shared.errors import NotFound, TocsinError
from tocsin_shared.jobs import JobUpdate, TriggerRequest

DEFAULT_PER_PAGE: Final = 20
MOST_PER_PAGE: Final = 100
#: Where our fields stand in Krafter's jobs.
_FIELDS: Final = {
    "task.url": "url",
    "task.method": "method",
    "task.headers": "headers",
    "task.body": "body",
    "schedule.value.interval_secs": "schedule",
    "schedule.value": "schedule",
    "timeout_secs": "timeout_ms",
    "retry_max": "max_retries",
}


class Krafter(FacadeOfJobs):
    """Krafter's API."""

    def routes(self) -> list[FacadeRoute]:
        """In the order in which paths are tried."""
        jobs, one = "/api/v1/cron/jobs", "/api/v1/cron/jobs/{id}"
        return [
            FacadeRoute("GET", jobs, READERS, self.list, CRON_READERS),
            FacadeRoute("POST", jobs, WRITERS, self.create, CRON_WRITERS),
            FacadeRoute("GET", one, READERS, self.get, CRON_READERS),
            FacadeRoute("PUT", one, WRITERS, self.update, CRON_WRITERS),
            FacadeRoute("PATCH", one, WRITERS, self.update, CRON_WRITERS),
            FacadeRoute("DELETE", one, WRITERS, self.delete, CRON_WRITERS),
            FacadeRoute("POST", one + "/trigger", WRITERS, self.trigger, CRON_WRITERS),
            FacadeRoute("POST", one + "/pause", WRITERS, self.pause, CRON_WRITERS),
            FacadeRoute("POST", one + "/resume", WRITERS, self.resume, CRON_WRITERS),
            FacadeRoute("GET", one + "/executions", READERS, self.executions, CRON_READERS),
            FacadeRoute("*", "/api/v1/cron/{rest:.*}", READERS, self.nothing, CRON_READERS),
        ]

    def error(self, error: TocsinError, request_id: str) -> web.Response:
        """`error` with a code, a sentence and the fields."""
        told = error.to_wire(request_id)
        details = [{**one, "field": field_of_theirs(one["field"], _FIELDS)} for one in told["details"]]
        body = {"error": {"code": error.code, "message": sentence_of(error, _FIELDS), "details": details}}
        return with_error_headers(json_response(body, error.status), error)

    async def list(self, call: FacadeCall) -> web.Response:
        page, per_page = _page(call)
        found = await list_jobs(
            self._db,
            status=None,
            group=None,
            search=None,
            after=None,
            offset=(page - 1) * per_page,
            limit=per_page,
            cap=1_000_000,
        )
        activity = await job_activity(self._db, [row["id"] for row in found.rows], 1)
        data = [show_job(row, activity.get(row["id"])) for row in found.rows]
        return json_response({"data": data, "meta": _meta(page, per_page, found.total)})

    async def create(self, call: FacadeCall) -> web.Response:
        parts = definition_of(await call.read(KrafterJob))
        body = as_create(counted_from_now(parts, await read_clock(self._db)))
        job_id = await self._jobs.create(body, call.caller, idempotency_key=call.idempotency_key)
        return await self._answer(str(job_id), 201)

    async def get(self, call: FacadeCall) -> web.Response:
        return await self._answer(call.path["id"])

    async def update(self, call: FacadeCall) -> web.Response:
        job_id = str((await self._row(call.path["id"]))["id"])
        sent = await call.read(KrafterChange)

        async def changed(row: Record) -> JobUpdate:
            parts = changes_of(sent, show_definition(row["definition"]))
            return as_update(
                counted_from_now(parts, await read_clock(self._db)), row["definition"], "krafter"
            )

        await change_job(self._jobs, lambda: self._row(job_id), changed, call.caller)
        return await self._answer(job_id)

    async def delete(self, call: FacadeCall) -> web.Response:
        row = await self._row(call.path["id"])
        await self._jobs.delete(str(row["id"]), call.caller)
        return json_response({"ok": True})

    async def trigger(self, call: FacadeCall) -> web.Response:
        row = await self._row(call.path["id"])
        await self._jobs.trigger(
            str(row["id"]), TriggerRequest(), call.caller, idempotency_key=call.idempotency_key
        )
        return json_response({"ok": True})

    async def pause(self, call: FacadeCall) -> web.Response:
        return await self._switch(call, is_enabled=False)

    async def resume(self, call: FacadeCall) -> web.Response:
        return await self._switch(call, is_enabled=True)

    async def executions(self, call: FacadeCall) -> web.Response:
        row = await self._row(call.path["id"])
        page, per_page = _page(call)
        found, total = await past_attempts(self._db, row["id"], (page - 1) * per_page, per_page)
        data = [show_execution(one) for one in found]
        return json_response({"data": data, "meta": _meta(page, per_page, total)})

    async def nothing(self, call: FacadeCall) -> web.Response:
        raise NotFound("there is no such route")

    async def _switch(self, call: FacadeCall, *, is_enabled: bool) -> web.Response:
        row = await self._switched(call, is_enabled=is_enabled)
        data = {"id": str(row["id"]), "name": row["definition"]["name"], "enabled": is_enabled}
        return json_response({"data": data})

    async def _answer(self, ref: str, status: int = 200) -> web.Response:
        row = await self._row(ref)
        activity = await job_activity(self._db, [row["id"]], 1)
        return json_response({"data": show_job(row, activity.get(row["id"]))}, status)


def _page(call: FacadeCall) -> tuple[int, int]:
    """What was asked for, put right where it can't be."""
    query = call.request.query
    per_page = _whole(query.get("per_page") or query.get("limit"), DEFAULT_PER_PAGE)
    return min(_whole(query.get("page"), 1), 1_000_000), min(per_page, MOST_PER_PAGE)


def _whole(text: str | None, default: int) -> int:
    is_number = text is not None and text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0
    return int(text) if text is not None and is_number else default


def _meta(page: int, per_page: int, total: int) -> dict[str, Any]:
    return {"page": page, "per_page": per_page, "total": total, "total_pages": -(-total // per_page)}
