"""Routes about runs."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from tocsin_controller.api.handlers.parts import Parts, cursor
from tocsin_controller.api.paging import PageQuery, page_of
from tocsin_controller.api.table import Call, Route
from tocsin_controller.security.roles import READERS, WRITERS
from tocsin_controller.services.searching import search_runs
from tocsin_controller.services.show import show_execution, show_run, show_waiting
from tocsin_controller.store import history
from tocsin_controller.store.database import Database
from tocsin_controller.store.history import Slice
from tocsin_controller.store.places import places_of_run
from tocsin_shared.errors import NotFound
from tocsin_shared.executions import RunStatus
from tocsin_shared.views.base import Page
from tocsin_shared.views.runs import RunCancelAnswer, RunDetail, RunView
from tocsin_shared.wire import Instant


class RunsQuery(PageQuery):
    """Which runs."""

    status: RunStatus | None = Field(None, description="Only with this status.")
    job_id: UUID | None = Field(None, description="Only of this job.")
    since: Instant | None = Field(None, description="Due, or triggered, at or after this instant.")


async def page_of_runs(
    db: Database,
    query: PageQuery,
    *,
    status: RunStatus | None = None,
    job_id: UUID | None = None,
    since: datetime | None = None,
) -> dict[str, Any]:
    """A page of runs, newest first."""
    page = await search_runs(
        db,
        status=status.value if status else None,
        job_id=job_id,
        since=since,
        before=cursor(query.after),
        part=Slice(query.offset, query.per_page),
    )
    data = [show_run(row) for row in await history.runs_shown(db, page.ids)]
    return page_of(data, query, page.total, next_cursor=page.next, is_capped=page.is_capped)


class RunRoutes:
    """Runs: read, cancel."""

    def __init__(self, parts: Parts) -> None:
        self._db = parts.db
        self._canceller = parts.engine.canceller

    def routes(self) -> list[Route]:
        """In the order in which paths are tried."""
        one = "/api/runs/{id}"
        return [
            Route(
                "GET", "/api/runs", self.list, "List runs, newest first", READERS, "runs",
                query=RunsQuery, response=Page[RunView],
            ),
            Route("GET", one, self.get, "Read a run with its executions", READERS, "runs", response=RunDetail),
            Route(
                "POST", one + "/cancel", self.cancel, "Ask for all executions of a run to be ended", WRITERS, "runs",
                response=RunCancelAnswer,
            ),
        ]  # fmt: skip

    async def list(self, call: Call) -> Any:
        query: RunsQuery = call.query
        return await page_of_runs(
            self._db, query, status=query.status, job_id=query.job_id, since=query.since
        )

    async def get(self, call: Call) -> Any:
        run_id = call.id("id")
        row = await history.run(self._db, run_id)
        if row is None:
            raise NotFound(f"there is no run {run_id}")
        ids = await history.executions_of_run(self._db, run_id, history.WINDOW + 1)
        executions = await history.executions_shown(self._db, ids[: history.WINDOW])
        return show_run(row) | {
            "executions": [show_execution(e) for e in reversed(executions)],
            "is_truncated": len(ids) > history.WINDOW,
            "waiting_for": show_waiting(await places_of_run(self._db, run_id)),
        }

    async def cancel(self, call: Call) -> Any:
        run_id = call.id("id")
        ids = await self._canceller.cancel_run(run_id, by=call.caller)
        message = "cancel requested" if ids else "the run had already ended"
        return {"message": message, "run_id": run_id, "execution_ids": ids}
