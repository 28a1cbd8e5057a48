"""Routes about executions."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BeforeValidator, ConfigDict, Field

from tocsin_controller.api.handlers.parts import Parts, cursor
from tocsin_controller.api.paging import PageQuery, page_of
from tocsin_controller.api.table import Call, Route
from tocsin_controller.security.roles import READERS, WRITERS
from tocsin_controller.services.output_text import whole_text
from tocsin_controller.services.searching import search_executions
from tocsin_controller.services.show import show_execution
from tocsin_controller.store import history
from tocsin_controller.store.database import Database, Record
from tocsin_controller.store.history import ExecutionFilter, Slice
from tocsin_controller.store.output import chunks_of, output_tails
from tocsin_shared.approvals import DecisionRequest
from tocsin_shared.errors import NotFound
from tocsin_shared.executions import STREAM_NUMBERS, ExecutionStatus
from tocsin_shared.views.approvals import DecisionAnswer
from tocsin_shared.views.base import Page
from tocsin_shared.views.executions import CancelAnswer, ExecutionView, RecentStatus
from tocsin_shared.wire import Instant, Model, Text

#: In lists, so many characters of each stream are shown: its end.
EXCERPT_CHARS = 500
_BYTES_PER_CHAR = 4

#: Executions that the overview of recent outcomes looks at.
RECENT_WINDOW = 2_000
MOST_RECENT_JOBS = 100


class ExecutionsQuery(PageQuery):
    """Which executions."""

    status: ExecutionStatus | None = Field(None, description="Only with this status.")
    job_id: UUID | None = Field(None, description="Only of this job.")
    run_id: UUID | None = Field(None, description="Only of this run.")
    agent_id: UUID | None = Field(None, description="Only on this agent.")
    group: Text | None = Field(None, description="Only of jobs in this group.")
    search: Text | None = Field(None, max_length=500, description="Found literally in the job's name.")
    since: Instant | None = Field(None, description="Created at or after this instant.")


def _split(value: Any) -> Any:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


class RecentQuery(Model):
    """Whose outcomes."""

    model_config = ConfigDict(extra="forbid")

    job_ids: Annotated[list[UUID], BeforeValidator(_split), Field(max_length=MOST_RECENT_JOBS)] | None = (
        Field(
            None,
            description=f"Ids with commas between them, at most {MOST_RECENT_JOBS}; else all that ran lately.",
        )
    )


async def page_of_executions(
    db: Database, only: ExecutionFilter, query: PageQuery, *, since: datetime | None = None
) -> dict[str, Any]:
    """A page of executions, each with the end of its output only."""
    part = Slice(query.offset, query.per_page)
    page = await search_executions(db, only, since=since, before=cursor(query.after), part=part)
    rows = await history.executions_shown(db, page.ids)
    data = await with_excerpts(db, rows)
    return page_of(data, query, page.total, next_cursor=page.next, is_capped=page.is_capped)


async def with_excerpts(db: Database, rows: list[Record]) -> list[dict[str, Any]]:
    """Executions with their task and the end of their output."""
    tails = await output_tails(db, [row["id"] for row in rows], EXCERPT_CHARS * _BYTES_PER_CHAR)
    data = []
    for row in rows:
        shown = show_execution(row)
        shown["task_snapshot"] = row["task_snapshot"]
        for stream, number in STREAM_NUMBERS.items():
            tail = tails.get((row["id"], number), b"")
            text = tail.decode("utf-8", "replace")[-EXCERPT_CHARS:]
            shown[stream.value] = text
            shown[f"{stream.value}_truncated"] |= row[f"{stream.value}_bytes"] > len(text.encode())
        data.append(shown)
    return data


class ExecutionRoutes:
    """Executions: read, cancel."""

    def __init__(self, parts: Parts) -> None:
        self._db = parts.db
        self._canceller = parts.engine.canceller
        self._approvals = parts.approvals

    def routes(self) -> list[Route]:
        """In the order in which paths are tried."""
        one = "/api/executions/{id}"
        return [
            Route(
                "GET", "/api/executions", self.list, "List executions, newest first, with the end of their output",
                READERS, "executions", query=ExecutionsQuery, response=Page[ExecutionView],
            ),
            Route(
                "GET", "/api/executions/recent-statuses", self.recent, "The newest ten outcomes of each job", READERS,
                "executions", query=RecentQuery, response=dict[str, list[RecentStatus]],
            ),
            Route(
                "GET", one, self.get, "Read an execution with its whole output", READERS, "executions",
                response=ExecutionView,
            ),
            Route(
                "POST", one + "/cancel", self.cancel, "Ask for an execution to be ended", WRITERS, "executions",
                response=CancelAnswer,
            ),
            Route(
                "POST", one + "/approve", self.approve, "Let the run of an execution go that waits for approval",
                WRITERS, "executions", body=DecisionRequest, body_required=False, response=DecisionAnswer,
                is_repeatable=True,
            ),
            Route(
                "POST", one + "/reject", self.reject, "Cancel the run of an execution that waits for approval",
                WRITERS, "executions", body=DecisionRequest, body_required=False, response=DecisionAnswer,
                is_repeatable=True,
            ),
        ]  # fmt: skip

    async def list(self, call: Call) -> Any:
        query: ExecutionsQuery = call.query
        if query.run_id is not None:
            return await self._list_run(query, query.run_id)
        only = ExecutionFilter(
            status=query.status.value if query.status else None,
            agent_id=query.agent_id,
            job_ids=[query.job_id] if query.job_id else None,
            group=query.group,
            search=query.search,
        )
        return await page_of_executions(self._db, only, query, since=query.since)

    async def recent(self, call: Call) -> Any:
        return await history.recent_statuses(self._db, call.query.job_ids, RECENT_WINDOW)

    async def get(self, call: Call) -> Any:
        row = await self._row(call)
        shown = show_execution(row)
        shown["task_snapshot"] = row["task_snapshot"]
        is_over = ExecutionStatus(row["status"]).is_final
        for stream, number in STREAM_NUMBERS.items():
            chunks = [chunk async for chunk in chunks_of(self._db, row["id"], number)]
            shown[stream.value] = whole_text(chunks, row[f"{stream.value}_bytes"] if is_over else 0)
        return shown

    async def cancel(self, call: Call) -> Any:
        execution_id = call.id("id")
        before = ExecutionStatus((await self._row(call))["status"])
        status = await self._canceller.cancel_execution(execution_id, by=call.caller)
        if before.is_final:
            message = f"the execution had already ended: {before.value}"
        else:
            message = "the execution is cancelled" if status == "cancelled" else "cancel requested"
        return {"message": message, "execution_id": execution_id, "status": status}

    async def approve(self, call: Call) -> Any:
        return await self._approvals.approve(
            call.id("id"), call.body, call.caller, idempotency_key=call.idempotency_key
        )

    async def reject(self, call: Call) -> Any:
        return await self._approvals.reject(
            call.id("id"), call.body, call.caller, idempotency_key=call.idempotency_key
        )

    async def _list_run(self, query: ExecutionsQuery, run_id: UUID) -> Any:
        """A run's executions are mostly few: the other filters are applied to as many as one question looks at."""
        before = cursor(query.after)
        ids = await history.executions_of_run(self._db, run_id, history.WINDOW + 1, before=before)
        looked_at, is_capped = ids[: history.WINDOW], len(ids) > history.WINDOW
        rows = [row for row in await history.executions_shown(self._db, looked_at) if _matches(row, query)]
        if query.group is not None:
            jobs = await history.jobs_in_group(self._db, list({row["job_id"] for row in rows}), query.group)
            rows = [row for row in rows if row["job_id"] in jobs]
        page = rows[query.offset : query.offset + query.per_page]
        if page and query.offset + len(page) < len(rows):
            following = page[-1]["id"]
        else:
            following = looked_at[-1] if is_capped else None
        shown = await with_excerpts(self._db, page)
        return page_of(shown, query, len(rows), next_cursor=following, is_capped=is_capped)

    async def _row(self, call: Call) -> Record:
        execution_id = call.id("id")
        row = await history.execution(self._db, execution_id)
        if row is None:
            raise NotFound(f"there is no execution {execution_id}")
        return row


def _matches(row: Record, query: ExecutionsQuery) -> bool:
    return (
        (query.status is None or row["status"] == query.status)
        and (query.job_id is None or row["job_id"] == query.job_id)
        and (query.agent_id is None or row["agent_id"] == query.agent_id)
        and (query.search is None or query.search.lower() in (row["job_name"] or "").lower())
        and (query.since is None or row["created_at"] >= query.since)
    )
