"""Routes about targets: which agents they mean."""

from typing import Any

from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.api.table import Call, Route
from tocsin_controller.security.roles import READERS
from tocsin_controller.services.eligible import explain_target
from tocsin_controller.store.jobs import job_row, stored_job
from tocsin_shared.eligibility import TargetExplanation, TargetQuestion
from tocsin_shared.errors import NotFound


class TargetRoutes:
    """Targets: explain."""

    def __init__(self, parts: Parts) -> None:
        self._db = parts.db
        self._jobs = parts.jobs

    def routes(self) -> list[Route]:
        """In the order in which paths are tried."""
        return [
            Route(
                "POST", "/api/targets/explain", self.explain,
                "Which agents a target means, and why not the others", READERS, "agents",
                body=TargetQuestion, response=TargetExplanation,
            ),
            Route(
                "GET", "/api/jobs/{job}/targets", self.of_job,
                "Which agents can run a job, and why not the others", READERS, "jobs", response=TargetExplanation,
            ),
        ]  # fmt: skip

    async def explain(self, call: Call) -> Any:
        return await explain_target(self._db, call.body.target, call.body.task_type)

    async def of_job(self, call: Call) -> Any:
        ref = call.path["job"]
        row = await job_row(self._db, self._jobs.ref(ref))
        if row is None:
            raise NotFound(f"there is no job '{ref[:100]}'")
        job = stored_job(row).definition
        return await explain_target(self._db, job.target, job.task.type)
