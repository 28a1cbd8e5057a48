"""Dkron's routes (`/v1`)."""

from typing import Final
from uuid import UUID

from aiohttp import web

from tocsin_controller.api.admission import Admission, bearer
from tocsin_controller.api.body import read_body
from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.api.metrics import CONTENT_TYPE, exposition
from tocsin_controller.compat.dkron import history
from tocsin_controller.compat.dkron.answers import NoRoute, answer, counted, error_answer
from tocsin_controller.compat.dkron.cluster import Cluster, listed
from tocsin_controller.compat.dkron.ephemeral import Ephemeral
from tocsin_controller.compat.dkron.jobs import DkronJobs
from tocsin_controller.compat.dkron.listing import fits, in_order, needs_all, part_of
from tocsin_controller.compat.dkron.metrics import JobCounts
from tocsin_controller.compat.dkron.origins import Origins
from tocsin_controller.compat.dkron.policies import Policies
from tocsin_controller.compat.dkron.restoring import read_file, restore
from tocsin_controller.compat.dkron.running import start_run, wait_for_all
from tocsin_controller.compat.dkron.statistics import by_day, days_asked
from tocsin_controller.compat.dkron.switches import is_paused, set_paused
from tocsin_controller.compat.dkron.values import decode_job, first_value
from tocsin_controller.compat.dkron.writing import glance
from tocsin_controller.compat.facade import MAX_BODY_BYTES, Facade, FacadeCall, FacadeRoute
from tocsin_controller.security.roles import ADMINS, READERS, WRITERS, Principal, Role
from tocsin_controller.services.fleet_settings import FleetSettings
from tocsin_shared.errors import Forbidden, InvalidInput, NotFound, TocsinError, Unavailable
from tocsin_shared.logs import log

#: Whoever comes without a key, where that is allowed.
_NOBODY: Final = UUID(int=0)
#: Another name of `/v1/jobs/{job}/executions`.
_ALIAS: Final = "/v1/executions/{job}"


class Paused(Unavailable):
    """the creation and change of jobs is paused"""


class Dkron(Facade):
    """Dkron's API."""

    def __init__(self, admission: Admission, parts: Parts) -> None:
        super().__init__(admission)
        self._db = parts.db
        self._service = parts.jobs
        self._waiters = parts.waiters
        self._jobs = DkronJobs(parts.db, parts.jobs)
        self._settings = FleetSettings(parts.db, parts.settings, parts.engine.vault)
        self._ephemeral = Ephemeral(parts.db, parts.jobs)
        self._policies = Policies(parts.db, self._settings)
        self._cluster = Cluster(parts.db, parts.settings)
        self._counts = JobCounts(parts.db)
        self._origins = Origins(parts.settings.dkron_origins)
        self._stranger: Principal | None = None
        if parts.settings.dkron_open:
            role = Role(parts.settings.dkron_open_role)
            self._stranger = Principal(_NOBODY, "dkron-open", role)

    def mount(self, app: web.Application) -> None:
        """Serve it."""
        self._origins.mount(app)
        super().mount(app)

    def routes(self) -> list[FacadeRoute]:
        """In the order in which paths are tried."""
        jobs, one = "/v1/jobs", "/v1/jobs/{job}"
        executions = one + "/executions"
        return [
            FacadeRoute("GET", "/v1", READERS, self.status),
            FacadeRoute("GET", "/v1/", READERS, self.status),
            FacadeRoute("*", "/v1", READERS, self.nothing),
            FacadeRoute("GET", jobs, READERS, self.list),
            FacadeRoute("POST", jobs, WRITERS, self.save),
            FacadeRoute("PATCH", jobs, WRITERS, self.save),
            FacadeRoute("PUT", one, WRITERS, self.save),
            FacadeRoute("GET", one, READERS, self.get),
            FacadeRoute("DELETE", one, WRITERS, self.delete),
            FacadeRoute("POST", one, WRITERS, self.run),
            FacadeRoute("POST", one + "/run", WRITERS, self.run),
            FacadeRoute("POST", one + "/toggle", WRITERS, self.toggle),
            FacadeRoute("GET", executions, READERS, self.executions),
            FacadeRoute("GET", _ALIAS, READERS, self.executions),
            FacadeRoute("DELETE", executions, WRITERS, self.forget),
            FacadeRoute("GET", executions + "/{execution}", READERS, self.execution),
            FacadeRoute("GET", "/v1/busy", READERS, self.busy),
            FacadeRoute("GET", "/v1/stats", READERS, self.stats),
            FacadeRoute("GET", "/v1/metrics", READERS, self.metrics),
            FacadeRoute("GET", "/v1/pause", READERS, self.paused),
            FacadeRoute("POST", "/v1/pause", WRITERS, self.pause),
            FacadeRoute("POST", "/v1/unpause", WRITERS, self.unpause),
            FacadeRoute("POST", "/v1/restore", WRITERS, self.restore),
            FacadeRoute("GET", "/v1/members", READERS, self.members),
            FacadeRoute("GET", "/v1/leader", READERS, self.leader),
            FacadeRoute("GET", "/v1/isleader", READERS, self.is_leader),
            FacadeRoute("POST", "/v1/leave", WRITERS, self.leave),
            FacadeRoute("GET", "/v1/acl/policies/{name}", ADMINS, self.policy),
            FacadeRoute("POST", "/v1/acl/policies/{name}", ADMINS, self.put_policy),
            FacadeRoute("DELETE", "/v1/acl/policies/{name}", ADMINS, self.delete_policy),
            FacadeRoute("*", "/v1/{rest:.*}", READERS, self.nothing),
        ]

    def error(self, error: TocsinError, request_id: str) -> web.Response:
        """In plain text, or empty."""
        response = error_answer(error)
        response.headers["X-Whom"] = self._cluster.name
        return response

    async def admit(self, request: web.Request, route: FacadeRoute) -> Principal:
        """By `X-Dkron-Token`, a bearer token or HTTP Basic; without any as whoever is let in so."""
        key = request.headers.get("X-Dkron-Token") or bearer(request) or self.basic_key(request)
        if key is None and self._stranger is not None:
            if request.method != "GET" and self.is_stranger(request):
                raise Forbidden("pages of other sites may not do this without a key")
            caller = self._admission.admit_as(request, route.roles, self._stranger)
        else:
            caller = await self._admission.admit(request, route.roles, key)
        path = request.path
        if route.path == _ALIAS:
            path = f"/v1/jobs/{request.match_info['job']}/executions"
        await self._policies.check(caller, request.method, path)
        return caller

    def is_stranger(self, request: web.Request) -> bool:
        """Whether a page of another site sends this that may not use the API."""
        return self._origins.is_stranger(request)

    async def list(self, call: FacadeCall) -> web.Response:
        query = call.request.query
        rows = await self._jobs.rows()
        is_whole = needs_all(query)
        known = await self._jobs.show(rows) if is_whole else [glance(row) for row in rows]
        found = in_order([job for job in known if fits(job, query)], query)
        part = part_of(found, query)
        if not is_whole:  # the rest of a job is looked up for those on the page alone
            by_name = {row["name"]: row for row in rows}
            part = await self._jobs.show([by_name[job["name"]] for job in part])
        return self._said(counted(call.request, part, len(found)))

    async def save(self, call: FacadeCall) -> web.Response:
        """POST, PATCH and PUT are the same: the name in the body says which job."""
        if await is_paused(self._db):
            raise Paused
        raw = await read_body(call.request, MAX_BODY_BYTES)
        job = decode_job(first_value(raw))
        await self._policies.check_saving(call.caller, job["name"])
        await self._jobs.save(job, call.caller)
        if "runoncreate" in call.request.query:
            await self._run_on_create(job["name"], call.caller)
        where = f"{_uri(call.request)}/{job['name']}"
        return self._answer(call, job, 201, {"Location": where})

    async def get(self, call: FacadeCall) -> web.Response:
        return self._answer(call, await self._jobs.show_one(call.path["job"]))

    async def delete(self, call: FacadeCall) -> web.Response:
        row = await self._jobs.row(call.path["job"])
        shown = (await self._jobs.show([row]))[0]
        try:
            await self._service.delete(str(row["id"]), call.caller)
        except TocsinError:
            raise NotFound from None
        return self._answer(call, shown)

    async def run(self, call: FacadeCall) -> web.Response:
        """Answers with the job as it was, once all that this set off has ended."""
        row = await self._jobs.row(call.path["job"])
        shown = (await self._jobs.show([row]))[0]
        if shown["disabled"] and not shown["parent_job"]:
            raise NotFound
        with self._waiters.place(call.caller.key_id):
            try:
                run_id = await start_run(self._db, self._service, row, call.caller)
            except InvalidInput:
                raise NotFound from None
            if run_id is None:
                raise NotFound
            await wait_for_all(self._db, run_id, call.request, has_children=bool(shown["dependent_jobs"]))
        if shown["ephemeral"]:
            await self._ephemeral.once()
        return self._answer(call, shown, headers={"Location": _uri(call.request)})

    async def toggle(self, call: FacadeCall) -> web.Response:
        row = await self._jobs.row(call.path["job"])
        try:
            await self._jobs.set_disabled(row, call.caller, is_disabled=row["status"] != "paused")
        except InvalidInput:
            return self._said(web.Response(status=422))
        shown = await self._jobs.show_one(call.path["job"])
        return self._answer(call, shown, headers={"Location": _uri(call.request)})

    async def executions(self, call: FacadeCall) -> web.Response:
        row = await self._jobs.row(call.path["job"])
        query = call.request.query
        rows = history.in_order(
            await history.executions_of(self._db, row), query.get("_sort"), query.get("_order")
        )
        limit = query.get("output_size_limit", "")
        size = int(limit[:9]) if limit.isascii() and limit.isdigit() else None
        zone = history.listed_in(row)
        return self._said(counted(call.request, await history.show_executions(self._db, rows, zone, size)))

    async def execution(self, call: FacadeCall) -> web.Response:
        row = await self._jobs.row(call.path["job"])
        found = history.with_id(await history.executions_of(self._db, row), call.path["execution"])
        if found is None:
            raise NotFound
        return self._answer(call, (await history.show_executions(self._db, [found]))[0])

    async def forget(self, call: FacadeCall) -> web.Response:
        row = await self._jobs.row(call.path["job"])
        await self._jobs.forget_executions(row, call.caller)
        return self._answer(call, await self._jobs.show_one(call.path["job"]))

    async def busy(self, call: FacadeCall) -> web.Response:
        rows, total = await history.running(self._db)
        shown = await history.show_executions(self._db, rows, most=history.BUSY_OUTPUT_BYTES)
        return self._said(counted(call.request, shown, total))

    async def stats(self, call: FacadeCall) -> web.Response:
        days = days_asked(call.request.query.get("days"))
        return self._answer(call, {"stats": await by_day(self._db, days)})

    async def metrics(self, call: FacadeCall) -> web.Response:
        text = exposition(await self._counts.read())
        return self._said(web.Response(text=text, headers={"Content-Type": CONTENT_TYPE}))

    async def paused(self, call: FacadeCall) -> web.Response:
        return self._answer(call, {"paused": await is_paused(self._db)})

    async def pause(self, call: FacadeCall) -> web.Response:
        await set_paused(self._settings, call.caller, paused=True)
        return self._answer(call, {"paused": True})

    async def unpause(self, call: FacadeCall) -> web.Response:
        await set_paused(self._settings, call.caller, paused=False)
        return self._answer(call, {"paused": False})

    async def restore(self, call: FacadeCall) -> web.Response:
        """A JSON string that holds JSON, as Dkron has it."""
        raw = await read_file(call.request)
        if raw is None:
            raise NotFound
        try:
            told = await restore(self._db, self._jobs, self._policies, raw, call.caller)
        except InvalidInput:
            return self._said(web.Response(status=400))
        return self._answer(call, told)

    async def policy(self, call: FacadeCall) -> web.Response:
        return self._answer(call, await self._policies.get(call.path["name"]))

    async def put_policy(self, call: FacadeCall) -> web.Response:
        sent = first_value(await read_body(call.request, MAX_BODY_BYTES))
        return self._answer(call, await self._policies.put(call.path["name"], sent, call.caller), 202)

    async def delete_policy(self, call: FacadeCall) -> web.Response:
        return self._answer(call, await self._policies.delete(call.path["name"], call.caller))

    async def status(self, call: FacadeCall) -> web.Response:
        return self._answer(call, await self._cluster.status())

    async def members(self, call: FacadeCall) -> web.Response:
        members = [listed(member) for member in await self._cluster.members()]
        return self._said(counted(call.request, members))

    async def leader(self, call: FacadeCall) -> web.Response:
        return self._answer(call, self._cluster.leader())

    async def is_leader(self, call: FacadeCall) -> web.Response:
        return self._answer(call, "I am a leader")

    async def leave(self, call: FacadeCall) -> web.Response:
        raise Forbidden("a controller is stopped where it runs, not by its clients")

    async def nothing(self, call: FacadeCall) -> web.Response:
        """A slash too many is taken away; everything else is not there."""
        path = call.request.rel_url.raw_path
        without = path.rstrip("/")
        if path == without or not without.startswith("/v1/"):
            raise NoRoute
        query = call.request.rel_url.raw_query_string
        where = f"{without}?{query}" if query else without
        status = 301 if call.request.method == "GET" else 307
        return self._said(web.Response(status=status, headers={"Location": where}))

    async def _run_on_create(self, name: str, by: Principal) -> None:
        """Nobody waits for it, and nobody but the log hears that it could not be."""
        try:
            await start_run(self._db, self._service, await self._jobs.row(name), by)
        except TocsinError as error:
            log.warning("dkron_run_on_create_failed", job=name, error=str(error))

    def _answer(
        self, call: FacadeCall, value: object, status: int = 200, headers: dict[str, str] | None = None
    ) -> web.Response:
        return self._said(answer(call.request, value, status, headers))

    def _said(self, response: web.Response) -> web.Response:
        response.headers["X-Whom"] = self._cluster.name
        return response


def _uri(request: web.Request) -> str:
    return str(request.rel_url)
