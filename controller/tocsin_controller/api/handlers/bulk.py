"""The route for many jobs at once."""

from typing import Any

from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.api.table import Call, Route
from tocsin_controller.security.roles import WRITERS
from tocsin_controller.services.bulk import BulkCall, BulkService
from tocsin_controller.services.pausing import PauseService
from tocsin_shared.bulk import BulkAnswer, BulkRequest


class BulkRoutes:
    """Bulk actions."""

    def __init__(self, parts: Parts) -> None:
        pauses = PauseService(parts.db, parts.engine.hints, parts.jobs)
        self._bulk = BulkService(parts.db, parts.jobs, pauses)

    def routes(self) -> list[Route]:
        """In the order in which paths are tried."""
        return [
            Route(
                "POST", "/api/jobs/bulk", self.do,
                "Pause, resume, trigger, delete, move or prioritise many jobs; the answer tells what became of each",
                WRITERS, "jobs", body=BulkRequest, response=BulkAnswer, is_repeatable=True,
            ),
        ]  # fmt: skip

    async def do(self, call: Call) -> Any:
        kind = "cli" if call.is_from_cli else "api"
        return await self._bulk.do(call.body, BulkCall(call.caller, kind, call.idempotency_key))
