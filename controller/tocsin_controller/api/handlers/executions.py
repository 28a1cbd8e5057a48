"""Routes about runs and executions."""

from typing import Any

from aiohttp import web
from aiohttp_sse import sse_response

from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.api.paging import COUNT_CAP, PageQuery, page_of
from tocsin_controller.api.table import Call, Route
from tocsin_controller.security.roles import READERS, WRITERS
from tocsin_controller.services.output_text import gap_mark, whole_text
from tocsin_controller.services.show import as_uuid, is_over, show_execution, show_run
from tocsin_controller.services.sse import stream_output
from tocsin_controller.store import history
from tocsin_controller.store.database import Database
from tocsin_controller.store.history import ExecutionFilter
from tocsin_shared.errors import InvalidInput, NotFound
from tocsin_shared.executions import STREAM_NUMBERS, ExecutionStatus, RunStatus, Stream
from tocsin_shared.wire import Instant, Text


class ExecutionsQuery(PageQuery):
    """Which executions."""

    status: ExecutionStatus | None = None
    job_id: Text | None = None
    run_id: Text | None = None
    agent_id: Text | None = None
    group: Text | None = None
    #: Part of the job's name.
    search: Text | None = None
    #: Started at or after this instant.
    since: Instant | None = None


class RunsQuery(PageQuery):
    """Which runs."""

    status: RunStatus | None = None
    job_id: Text | None = None


class StreamQuery(PageQuery):
    """Where a stream goes on, for clients that can't send the Last-Event-ID header."""

    last_event_id: Text | None = None


async def list_page(db: Database, only: ExecutionFilter, query: PageQuery) -> dict[str, Any]:
    """A page of executions, each with the end of its output only."""
    before = _cursor(query.after)
    rows = await history.list_executions(db, only, before=before, offset=query.offset, limit=query.per_page)
    total = await history.count_executions(db, only, COUNT_CAP)
    tails = await history.output_tails(db, [row["id"] for row in rows]) if rows else {}
    data = []
    for row in rows:
        shown = show_execution(row)
        for stream, number in STREAM_NUMBERS.items():
            tail = tails.get((row["id"], number), b"")
            shown[stream.value] = tail.decode("utf-8", "replace")
            shown[f"{stream.value}_truncated"] |= row[f"{stream.value}_bytes"] > len(tail)
        data.append(shown)
    return page_of(data, query, total, next_cursor=str(rows[-1]["id"]) if rows else None)


class ExecutionRoutes:
    """Runs and executions: read, follow, cancel."""

    def __init__(self, parts: Parts) -> None:
        self._db = parts.db
        self._engine = parts.engine

    def routes(self) -> list[Route]:
        """In the order in which paths are tried."""
        one, run = "/api/executions/{id}", "/api/runs/{id}"
        return [
            Route("GET", "/api/executions", self.list, "List executions", READERS, "executions", query=ExecutionsQuery),
            Route("GET", "/api/executions/recent-statuses", self.recent, "Newest outcomes", READERS, "executions"),
            Route("GET", one, self.get, "An execution with its whole output", READERS, "executions"),
            Route("POST", one + "/cancel", self.cancel, "End an execution", WRITERS, "executions"),
            Route(
                "GET", one + "/stream", self.stream, "Output as it comes (SSE)", READERS, "executions",
                query=StreamQuery, media_type="text/event-stream",
            ),
            Route(
                "GET", one + "/output/{stream}", self.output, "One stream, raw", READERS, "executions",
                media_type="text/plain",
            ),
            Route("GET", "/api/runs", self.list_runs, "List runs", READERS, "runs", query=RunsQuery),
            Route("GET", run, self.get_run, "A run with its executions", READERS, "runs"),
            Route("POST", run + "/cancel", self.cancel_run, "End a run", WRITERS, "runs"),
        ]  # fmt: skip

    async def list(self, call: Call) -> Any:
        query: ExecutionsQuery = call.query
        ids = {
            name: getattr(query, name) for name in ("job_id", "run_id", "agent_id") if getattr(query, name)
        }
        parsed = {name: as_uuid(text) for name, text in ids.items()}
        if None in parsed.values():
            return page_of([], query, 0, next_cursor=None)
        job_ids = None
        if query.group or query.search:
            job_ids = await history.jobs_matching(self._db, group=query.group, search=query.search)
        only = ExecutionFilter(
            status=query.status.value if query.status else None, since=query.since, job_ids=job_ids, **parsed
        )
        return await list_page(self._db, only, query)

    async def recent(self, call: Call) -> Any:
        return await history.recent_statuses(self._db)

    async def get(self, call: Call) -> Any:
        row = await self._row(call)
        shown = show_execution(row)
        shown["task_snapshot"] = row["task_snapshot"]
        for stream, number in STREAM_NUMBERS.items():
            shown[stream.value] = whole_text(
                [(c["start_offset"], c["data"]) async for c in self._chunks(row["id"], number)]
            )
        return shown

    async def cancel(self, call: Call) -> Any:
        execution_id = call.id("id")
        before = (await self._row(call))["status"]
        status = await self._engine.canceller.cancel_execution(execution_id, by=call.caller.name)
        message = f"the execution had ended already ({before})" if is_over(before) else "cancel requested"
        return {"message": message, "execution_id": execution_id, "status": status}

    async def stream(self, call: Call) -> web.StreamResponse:
        row = await self._row(call)
        last = call.request.headers.get("Last-Event-ID") or call.query.last_event_id
        async with sse_response(call.request, sep="\n") as response:
            events = stream_output(self._db, self._engine.hints, row["id"], last)
            async for event in events:
                if event is not None:
                    await response.send(event.data, id=event.id, event=event.event)
        return response

    async def output(self, call: Call) -> web.StreamResponse:
        row = await self._row(call)
        try:
            number = STREAM_NUMBERS[Stream(call.path["stream"])]
        except ValueError:
            raise NotFound("the streams are stdout and stderr") from None
        response = web.StreamResponse(headers={"Content-Type": "text/plain; charset=utf-8"})
        await response.prepare(call.request)
        position = 0
        async for chunk in self._chunks(row["id"], number):
            if chunk["start_offset"] > position:
                await response.write(gap_mark(chunk["start_offset"] - position))
            await response.write(chunk["data"])
            position = chunk["start_offset"] + len(chunk["data"])
        await response.write_eof()
        return response

    async def list_runs(self, call: Call) -> Any:
        query: RunsQuery = call.query
        job_id = as_uuid(query.job_id) if query.job_id else None
        if query.job_id and job_id is None:
            return page_of([], query, 0, next_cursor=None)
        status = query.status.value if query.status else None
        rows = await history.list_runs(
            self._db,
            status=status,
            job_id=job_id,
            before=_cursor(query.after),
            offset=query.offset,
            limit=query.per_page,
        )
        total = await history.count_runs(self._db, status=status, job_id=job_id, cap=COUNT_CAP)
        return page_of(
            [show_run(row) for row in rows], query, total, next_cursor=str(rows[-1]["id"]) if rows else None
        )

    async def get_run(self, call: Call) -> Any:
        run_id = call.id("id")
        row = await history.run(self._db, run_id)
        if row is None:
            raise NotFound(f"there is no run {run_id}")
        executions = await history.list_executions(
            self._db, ExecutionFilter(run_id=run_id), before=None, offset=0, limit=10_000
        )
        return show_run(row) | {"executions": [show_execution(e) for e in reversed(executions)]}

    async def cancel_run(self, call: Call) -> Any:
        run_id = call.id("id")
        cancelled = await self._engine.canceller.cancel_run(run_id, by=call.caller.name)
        return {"message": "cancel requested", "run_id": run_id, "execution_ids": cancelled}

    async def _row(self, call: Call) -> Any:
        execution_id = call.id("id")
        row = await history.execution(self._db, execution_id)
        if row is None:
            raise NotFound(f"there is no execution {execution_id}")
        return row

    async def _chunks(self, execution_id: Any, stream: int) -> Any:
        start = 0
        while chunks := await history.output_of_stream(self._db, execution_id, stream, start):
            for chunk in chunks:
                yield chunk
            start = chunks[-1]["start_offset"] + 1


def _cursor(after: str | None) -> Any:
    if after is None:
        return None
    cursor = as_uuid(after)
    if cursor is None:
        raise InvalidInput.field("after", "is not the `next` of an earlier page")
    return cursor
