"""Routes about stored scripts."""

from typing import Any

from pydantic import ConfigDict, Field

from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.api.table import Call, Route
from tocsin_controller.security.roles import READERS, WRITERS
from tocsin_controller.services.scripts import ScriptService
from tocsin_shared.scripts import MAX_SCRIPT_BYTES, ScriptEntry, ScriptSave, ScriptSaved, ScriptView
from tocsin_shared.wire import Model


class SaveQuery(Model):
    """How to save."""

    model_config = ConfigDict(extra="forbid")

    dry_run: bool = Field(False, description="Check it, and save nothing.")


class ScriptRoutes:
    """Scripts: list, read, save, delete."""

    def __init__(self, parts: Parts) -> None:
        self._scripts = ScriptService(parts.db, parts.engine.hints)

    def routes(self) -> list[Route]:
        """In the order in which paths are tried."""
        one = "/api/scripts/{name}"
        return [
            Route(
                "GET", "/api/scripts", self.list, "List scripts by name, without their code", READERS, "scripts",
                response=list[ScriptEntry],
            ),
            Route("GET", one, self.get, "Read a script", READERS, "scripts", response=ScriptView),
            Route(
                "PUT", one, self.save, "Save a script under a new name, or anew under its old one; its syntax is "
                "checked", WRITERS, "scripts", query=SaveQuery, body=ScriptSave, response=ScriptSaved,
                # Every character of the code may take six in JSON.
                max_body_bytes=6 * MAX_SCRIPT_BYTES + 64 * 1024,
                also={409: "Jobs run it as a script of another type, or there are too many scripts."},
            ),
            Route(
                "DELETE", one, self.delete, "Delete a script that no job runs", WRITERS, "scripts", status=204,
                also={409: "Jobs run it; the answer names them."},
            ),
        ]  # fmt: skip

    async def list(self, call: Call) -> Any:
        return await self._scripts.list()

    async def get(self, call: Call) -> Any:
        return await self._scripts.get(call.path["name"])

    async def save(self, call: Call) -> Any:
        name = call.path["name"]
        await self._scripts.save(name, call.body, call.caller, dry_run=call.query.dry_run)
        return {"status": "ok", "name": name}

    async def delete(self, call: Call) -> None:
        await self._scripts.delete(call.path["name"], call.caller)
