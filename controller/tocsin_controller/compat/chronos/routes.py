"""Chronos' routes (`/api/v1`), in its envelope `{success, data, error}`."""

import asyncio
from typing import Any, Final
from uuid import UUID

from aiohttp import web

from tocsin_controller.api.admission import Admission
from tocsin_controller.api.answers import json_response, with_error_headers
from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.compat.chronos.reading import ChronosJob, definition_of, replaced_task
from tocsin_controller.compat.chronos.writing import (
    EXECUTION,
    show_config,
    show_execution,
    show_job,
    unmask_auth,
)
from tocsin_controller.compat.facade import FacadeCall, FacadeRoute
from tocsin_controller.compat.jobs import FacadeOfJobs
from tocsin_controller.compat.past import PastRun, instant, past_run, past_runs, until_over
from tocsin_controller.compat.saving import as_create, as_update, change_job, counted_from_now
from tocsin_controller.compat.wording import sentence_of
from tocsin_controller.security.roles import READERS, WRITERS
from tocsin_controller.services.findings import invalid
from tocsin_controller.services.replaying import ReplayService
from tocsin_controller.services.versions import version_row
from tocsin_controller.store.database import Record
from tocsin_controller.store.jobs import job_versions, list_jobs, read_clock
from tocsin_controller.store.wellbeing import running_and_due
from tocsin_shared.errors import (
    Forbidden,
    InvalidInput,
    MalformedBody,
    NotFound,
    TocsinError,
    TooManyRequests,
    Unauthorized,
)
from tocsin_shared.jobs import JobUpdate, TriggerRequest
from tocsin_shared.jobs_history import RollbackRequest

#: Jobs of one answer.
MOST_JOBS: Final = 10_000
_SHOWN_AT_ONCE: Final = 100
MOST_EXECUTIONS: Final = 100
MOST_VERSIONS: Final = 1_000
#: Jobs whose next run the cluster's status names.
MOST_NEXT: Final = 10
#: A trigger's answer waits so long for the end, whatever the job's own times are.
MOST_WAITED_SECS: Final = 3_600.0

_CODES: Final[tuple[tuple[type[TocsinError], str], ...]] = (
    (MalformedBody, "INVALID_JSON"),
    (NotFound, "NOT_FOUND"),
    (Unauthorized, "UNAUTHORIZED"),
    (Forbidden, "FORBIDDEN"),
    (TooManyRequests, "RATE_LIMITED"),
)
#: Where our fields stand in Chronos' jobs.
_FIELDS: Final = {
    "task.url": "webhook.url",
    "task.method": "webhook.method",
    "task.headers": "webhook.headers",
    "task.body": "webhook.body",
    "task.expect_statuses": "webhook.success_codes",
    "task": "webhook",
    "schedule.value": "schedule",
    "timeout_secs": "timeout",
    "retry_max": "retry_policy.max_attempts",
    "retry_delay_secs": "retry_policy.initial_interval",
}


class Chronos(FacadeOfJobs):
    """Chronos' API."""

    def __init__(self, admission: Admission, parts: Parts) -> None:
        super().__init__(admission, parts)
        self._waiters = parts.waiters
        self._replays = ReplayService(parts.db, parts.starter, parts.engine.definitions)

    def routes(self) -> list[FacadeRoute]:
        """In the order in which paths are tried."""
        jobs, one = "/api/v1/jobs", "/api/v1/jobs/{id}"
        execution = one + "/executions/{execution}"
        return [
            FacadeRoute("GET", jobs, READERS, self.list),
            FacadeRoute("POST", jobs, WRITERS, self.create),
            FacadeRoute("GET", one, READERS, self.get),
            FacadeRoute("PUT", one, WRITERS, self.update),
            FacadeRoute("DELETE", one, WRITERS, self.delete),
            FacadeRoute("POST", one + "/trigger", WRITERS, self.trigger),
            FacadeRoute("POST", one + "/enable", WRITERS, self.enable),
            FacadeRoute("POST", one + "/disable", WRITERS, self.disable),
            FacadeRoute("GET", one + "/executions", READERS, self.executions),
            FacadeRoute("GET", execution, READERS, self.execution),
            FacadeRoute("POST", execution + "/replay", WRITERS, self.replay),
            FacadeRoute("GET", one + "/versions", READERS, self.versions),
            FacadeRoute("GET", one + "/versions/{version}", READERS, self.version),
            FacadeRoute("POST", one + "/rollback/{version}", WRITERS, self.rollback),
            FacadeRoute("GET", "/api/v1/cluster/status", READERS, self.cluster),
            FacadeRoute("*", "/api/v1/{rest:.*}", READERS, self.nothing),
        ]

    def error(self, error: TocsinError, request_id: str) -> web.Response:
        """In the envelope."""
        code = next((code for kind, code in _CODES if isinstance(error, kind)), None)
        if code is None and error.code == "invalid_timeout":
            code = "INVALID_TIMEOUT"
        elif code is None:
            code = (
                "VALIDATION_ERROR"
                if isinstance(error, InvalidInput) or error.status == 409
                else "STORE_ERROR"
            )
        told = {"code": code, "message": sentence_of(error, _FIELDS)}
        body = {"success": False, "data": None, "error": told}
        return with_error_headers(json_response(body, error.status), error, "Basic")

    async def list(self, call: FacadeCall) -> web.Response:
        page = await list_jobs(
            self._db,
            status=None,
            group=None,
            search=None,
            after=None,
            offset=0,
            limit=MOST_JOBS,
            cap=MOST_JOBS,
        )
        shown: list[dict[str, Any]] = []
        for at, row in enumerate(page.rows):
            if at % _SHOWN_AT_ONCE == 0:
                await asyncio.sleep(0)  # the list can be long: others get their turns
            shown.append(show_job(row))
        return await asyncio.to_thread(_done, {"jobs": shown, "total": page.total})

    async def create(self, call: FacadeCall) -> web.Response:
        parts = definition_of(await call.read(ChronosJob))
        body = as_create(counted_from_now(parts, await read_clock(self._db)))
        job_id = await self._jobs.create(body, call.caller, idempotency_key=call.idempotency_key)
        return _done(show_job(await self._row(str(job_id))), 201)

    async def get(self, call: FacadeCall) -> web.Response:
        return _done(show_job(await self._row(call.path["id"])))

    async def update(self, call: FacadeCall) -> web.Response:
        job_id = str((await self._row(call.path["id"]))["id"])
        sent = await call.json()
        if not isinstance(sent, dict):
            raise MalformedBody("the body must be a JSON object")
        await change_job(
            self._jobs, lambda: self._row(job_id), lambda row: self._changed(row, sent), call.caller
        )
        return _done(show_job(await self._row(job_id)))

    async def _changed(self, row: Record, sent: dict[str, Any]) -> JobUpdate:
        """What becomes of a job."""
        if isinstance(sent.get("webhook"), dict):
            sent = {**sent, "webhook": unmask_auth(sent["webhook"], row["definition"])}
        try:
            job = ChronosJob.model_validate(sent)
        except ValueError as error:
            raise invalid(error, sent) from None  # type: ignore[arg-type]  # pydantic's, which is one
        parts = definition_of(job)
        parts["task"] = replaced_task(parts["task"], row["definition"]["task"])
        if parts["compat"]["chronos"]["schedule"] != show_config(row["definition"])["schedule"]:
            parts = counted_from_now(parts, await read_clock(self._db))
        return as_update(parts, row["definition"], "chronos")

    async def delete(self, call: FacadeCall) -> web.Response:
        row = await self._row(call.path["id"])
        await self._jobs.delete(str(row["id"]), call.caller)
        return _done({"message": "Job deleted"})

    async def trigger(self, call: FacadeCall) -> web.Response:
        """Answers once the run has ended, with all its attempts."""
        row = await self._row(call.path["id"])
        with self._waiters.place(call.caller.key_id):
            started = await self._jobs.trigger(
                str(row["id"]), TriggerRequest(), call.caller, idempotency_key=call.idempotency_key
            )
            run = await until_over(self._db, UUID(started["run_id"]), MOST_WAITED_SECS, call.request)
        if run is None:
            raise NotFound("the run is gone")
        return _done(show_execution(run))

    async def enable(self, call: FacadeCall) -> web.Response:
        return await self._switch(call, is_enabled=True)

    async def disable(self, call: FacadeCall) -> web.Response:
        return await self._switch(call, is_enabled=False)

    async def executions(self, call: FacadeCall) -> web.Response:
        row = await self._row(call.path["id"])
        limit = _limit(call.request.query.get("limit"))
        runs, total = await past_runs(self._db, row["id"], limit)
        return _done({"executions": [show_execution(run) for run in runs], "total": total})

    async def execution(self, call: FacadeCall) -> web.Response:
        row = await self._row(call.path["id"])
        return _done(show_execution(await self._run(row["id"], call.path["execution"])))

    async def replay(self, call: FacadeCall) -> web.Response:
        row = await self._row(call.path["id"])
        original = call.path["execution"]
        run = await self._run(row["id"], original)
        started = await self._replays.replay_run(
            run.row["id"], call.caller, idempotency_key=call.idempotency_key
        )
        return _done(
            {
                "replay_execution_id": f"{EXECUTION}{started['run_id']}",
                "original_execution_id": original,
                "message": "Execution replay triggered",
            }
        )

    async def versions(self, call: FacadeCall) -> web.Response:
        row = await self._row(call.path["id"])
        return _done(
            [_version(row["id"], one) for one in await job_versions(self._db, row["id"], MOST_VERSIONS)]
        )

    async def version(self, call: FacadeCall) -> web.Response:
        row = await self._row(call.path["id"])
        return _done(
            _version(row["id"], await version_row(self._db, row["id"], _number(call.path["version"])))
        )

    async def rollback(self, call: FacadeCall) -> web.Response:
        row = await self._row(call.path["id"])
        to = RollbackRequest(version=_number(call.path["version"]))
        await version_row(self._db, row["id"], to.version)
        await self._jobs.rollback(str(row["id"]), to, call.caller)
        job = await self._row(str(row["id"]))
        return _done({"job": show_job(job), "rolled_back_from": to.version, "new_version": job["version"]})

    async def cluster(self, call: FacadeCall) -> web.Response:
        """Every controller fires, so each is as good as a leader."""
        facts, due = await running_and_due(self._db, MOST_NEXT)
        next_runs = [{"job_id": str(one["job_id"]), "next_run": instant(one["next_fire_at"])} for one in due]
        return _done({"is_leader": True, **facts, "next_runs": next_runs})

    async def nothing(self, call: FacadeCall) -> web.Response:
        raise NotFound("there is no such route")

    async def _switch(self, call: FacadeCall, *, is_enabled: bool) -> web.Response:
        row = await self._switched(call, is_enabled=is_enabled)
        return _done(show_job(await self._row(str(row["id"]))))

    async def _run(self, job_id: UUID, text: str) -> PastRun:
        """The run behind an execution's id; of another job's there is none here."""
        try:
            run_id = UUID(text.removeprefix(EXECUTION))
        except ValueError:
            raise NotFound("execution not found") from None
        run = await past_run(self._db, run_id)
        if run is None or run.row["job_id"] != job_id:
            raise NotFound("execution not found")
        return run


def _done(data: Any, status: int = 200) -> web.Response:
    return json_response({"success": True, "data": data, "error": None}, status)


def _version(job_id: UUID, row: Record) -> dict[str, Any]:
    return {
        "job_id": str(job_id),
        "version": row["version"],
        "config": show_config(row["definition"]),
        "created_at": row["created_at"],
        "created_by": row["changed_by"],
    }


def _limit(text: str | None) -> int:
    """1 to 100; what is no number, or none of these, is put right rather than refused."""
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 9:
        return 20
    return min(max(int(text), 1), MOST_EXECUTIONS)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 10 and int(text) > 0):
        raise NotFound("version not found")
    return int(text)
