"""Routes about backfills."""

from typing import Any

from pydantic import ConfigDict, Field

from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.api.table import Call, Route
from tocsin_controller.security.roles import READERS, WRITERS
from tocsin_controller.services.backfills import BackfillService
from tocsin_shared.backfills import BackfillRequest, BackfillView
from tocsin_shared.wire import Model


class CancelQuery(Model):
    """How to cancel."""

    model_config = ConfigDict(extra="forbid")

    runs: bool = Field(False, description="Cancel its open runs, too.")


class BackfillRoutes:
    """Begin, read and cancel."""

    def __init__(self, parts: Parts) -> None:
        self._backfills = BackfillService(parts.db, parts.engine.hints, parts.jobs, parts.engine.canceller)

    def routes(self) -> list[Route]:
        """In the order in which paths are tried."""
        job, one = "/api/jobs/{job}", "/api/backfills/{id}"
        return [
            Route(
                "POST", job + "/backfill", self.begin,
                "Run a job for instants of the past at which its schedule would have been due", WRITERS, "jobs",
                body=BackfillRequest, response=BackfillView, status=202, is_repeatable=True,
            ),
            Route(
                "GET", job + "/backfills", self.of_job, "A job's backfills, newest first", READERS, "jobs",
                response=list[BackfillView],
            ),
            Route("GET", one, self.get, "A backfill and how far it is", READERS, "jobs", response=BackfillView),
            Route(
                "POST", one + "/cancel", self.cancel, "Start no more runs of a backfill", WRITERS, "jobs",
                query=CancelQuery, response=BackfillView,
            ),
        ]  # fmt: skip

    async def begin(self, call: Call) -> Any:
        return await self._backfills.begin(
            call.path["job"], call.body, call.caller, idempotency_key=call.idempotency_key
        )

    async def of_job(self, call: Call) -> Any:
        return await self._backfills.of_job(call.path["job"])

    async def get(self, call: Call) -> Any:
        return await self._backfills.get(call.id("id"))

    async def cancel(self, call: Call) -> Any:
        return await self._backfills.cancel(call.id("id"), call.caller, cancel_runs=call.query.runs)
