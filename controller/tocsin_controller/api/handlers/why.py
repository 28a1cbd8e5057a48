"""Routes that say why."""

from typing import Any

from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.api.table import Call, Route
from tocsin_controller.security.roles import READERS
from tocsin_controller.services.explaining import Explainer
from tocsin_shared.why import JobExplanation, RunExplanation


class WhyRoutes:
    """Runs and jobs, explained."""

    def __init__(self, parts: Parts) -> None:
        self._explainer = Explainer(parts.db, parts.engine.definitions, parts.jobs)

    def routes(self) -> list[Route]:
        """In the order in which paths are tried."""
        return [
            Route(
                "GET", "/api/runs/{id}/explain", self.run, "Why a run ran, waits, was skipped or did not run", READERS,
                "runs", response=RunExplanation,
            ),
            Route(
                "GET", "/api/jobs/{job}/explain", self.job, "When a job runs next, and what would keep it from running "
                "now", READERS, "jobs", response=JobExplanation,
            ),
        ]  # fmt: skip

    async def run(self, call: Call) -> Any:
        return await self._explainer.run(call.id("id"))

    async def job(self, call: Call) -> Any:
        return await self._explainer.job(call.path["job"])
