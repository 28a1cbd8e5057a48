"""Routes that pause and resume jobs."""

from aiohttp import web

from tocsin_controller.api.handlers.jobs import answer_job
from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.api.table import Call, Route
from tocsin_controller.security.roles import WRITERS
from tocsin_controller.services.pausing import PauseService
from tocsin_shared.pausing import PauseRequest
from tocsin_shared.views.jobs import JobView


class PauseRoutes:
    """Pause, resume."""

    def __init__(self, parts: Parts) -> None:
        self._db = parts.db
        self._pauses = PauseService(parts.db, parts.engine.hints, parts.jobs)

    def routes(self) -> list[Route]:
        """In the order in which paths are tried."""
        return [
            Route(
                "POST", "/api/jobs/{job}/pause", self.pause,
                "Stop the schedule from acting, with a note and until an instant if wanted", WRITERS, "jobs",
                body=PauseRequest, body_required=False, response=JobView,
            ),
            Route(
                "POST", "/api/jobs/{job}/resume", self.resume, "Let the schedule act again", WRITERS, "jobs",
                response=JobView,
            ),
        ]  # fmt: skip

    async def pause(self, call: Call) -> web.Response:
        job_id = await self._pauses.pause(call.path["job"], call.body, call.caller)
        return await answer_job(self._db, job_id)

    async def resume(self, call: Call) -> web.Response:
        return await answer_job(self._db, await self._pauses.resume(call.path["job"], call.caller))
