"""Routes about templates."""

from typing import Any

from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.api.table import Call, Route
from tocsin_controller.security.roles import READERS, WRITERS
from tocsin_controller.services.templates import TemplateService
from tocsin_controller.store.templates import list_templates
from tocsin_shared.templates import TemplateSave, TemplateView


class TemplateRoutes:
    """Templates: list, read, save, delete."""

    def __init__(self, parts: Parts) -> None:
        self._db = parts.db
        self._templates = TemplateService(parts.db, parts.engine.hints)

    def routes(self) -> list[Route]:
        """In the order in which paths are tried."""
        return [
            Route(
                "GET", "/api/templates", self.list, "List templates by name", READERS, "templates",
                response=list[TemplateView],
            ),
            Route(
                "POST", "/api/templates", self.save, "Save a template under a new name, or anew under its old one",
                WRITERS, "templates", body=TemplateSave, response=TemplateView, status=201,
            ),
            Route(
                "GET", "/api/templates/{name}", self.get, "Read a template", READERS, "templates",
                response=TemplateView,
            ),
            Route(
                "DELETE", "/api/templates/{name}", self.delete, "Delete a template; jobs made from it stay", WRITERS,
                "templates", status=204,
            ),
        ]  # fmt: skip

    async def list(self, call: Call) -> Any:
        return [dict(row) for row in await list_templates(self._db)]

    async def save(self, call: Call) -> Any:
        return dict(await self._templates.save(call.body, call.caller))

    async def get(self, call: Call) -> Any:
        return dict(await self._templates.get(call.path["name"]))

    async def delete(self, call: Call) -> None:
        await self._templates.delete(call.path["name"], call.caller)
