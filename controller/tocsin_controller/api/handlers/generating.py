"""Routes that make jobs from a description."""

from functools import partial
from typing import Any

from tocsin_controller.api.body import parse_strictly
from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.api.table import Call, Route
from tocsin_controller.security.roles import READERS
from tocsin_controller.services.generating.configured import AiSettings
from tocsin_controller.services.generating.generator import JobGenerator
from tocsin_shared.ai import GeneratedJob, GenerateRequest
from tocsin_shared.jobs import JobCreate

_ALSO = {
    429: "The provider is being asked as often as it may be.",
    502: "The provider refused, or what it said is no job.",
    504: "The provider did not answer in time.",
}


class GeneratingRoutes:
    """Descriptions in, jobs out; nothing is created."""

    def __init__(self, parts: Parts) -> None:
        settings = AiSettings(parts.db, parts.settings, parts.engine.vault)
        read = partial(parse_strictly, JobCreate)
        self._generator = JobGenerator(settings, parts.engine.reach, parts.jobs, read)

    def routes(self) -> list[Route]:
        """In the order in which paths are tried."""
        return [
            Route(
                "POST", "/api/ai/generate-job", self.generate, "Write a job from a description; it is not created",
                READERS, "jobs", body=GenerateRequest, response=GeneratedJob, also=_ALSO,
            ),
            Route(
                "GET", "/api/ai/models", self.models, "The models of the AI provider, as it lists them", READERS,
                "jobs", response=dict[str, Any], also=_ALSO,
            ),
        ]  # fmt: skip

    async def generate(self, call: Call) -> Any:
        request: GenerateRequest = call.body
        return {"job": await self._generator.generate(request.prompt)}

    async def models(self, call: Call) -> Any:
        return await self._generator.models()
