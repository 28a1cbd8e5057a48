"""Routes about everything at once: out, in, and away."""

from typing import Any, Final

from pydantic import ConfigDict, Field

from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.api.table import Call, Route
from tocsin_controller.hints import EVENTS, QUEUE, TIMERS
from tocsin_controller.security.auditing import add_audit
from tocsin_controller.security.roles import ADMINS
from tocsin_controller.services.calendars import CalendarService
from tocsin_controller.services.connections import ConnectionService
from tocsin_controller.services.exporting import MOST_BYTES, Exporter
from tocsin_controller.services.fleet_settings import FleetSettings
from tocsin_controller.services.importing.importer import Importer
from tocsin_controller.services.pipelines import PipelineService
from tocsin_controller.services.scripts import ScriptService
from tocsin_controller.services.templates import TemplateService
from tocsin_controller.services.variables import VariableService
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.moving import count_held, empty_everything
from tocsin_shared.errors import Conflict, InvalidInput
from tocsin_shared.moving import DeletedView, ExportView, ImportDocument, ImportView
from tocsin_shared.wire import Model

CONFIRM_HEADER: Final = "X-Confirm-Delete"
CONFIRMED: Final = "yes-delete-all-data"
#: Executions that agents have are counted no further.
_MOST_HELD: Final = 1_000


class ExportQuery(Model):
    """What to export."""

    model_config = ConfigDict(extra="forbid")

    include_secrets: bool = Field(
        False, description="Secrets readable instead of masked, and what is known of keys."
    )


class ImportQuery(Model):
    """How to import."""

    model_config = ConfigDict(extra="forbid")

    dry_run: bool = Field(False, description="Say what would be done, and do nothing.")


class DataRoutes:
    """Export, import, delete."""

    def __init__(self, parts: Parts) -> None:
        hints, vault = parts.engine.hints, parts.engine.vault
        settings = FleetSettings(parts.db, parts.settings, vault)
        variables, templates = VariableService(parts.db, hints, vault), TemplateService(parts.db, hints)
        calendars, scripts = CalendarService(parts.db, hints), ScriptService(parts.db, hints)
        connections = ConnectionService(parts.db, hints, vault)
        self._db = parts.db
        self._hints = hints
        self._exporter = Exporter(parts.db, vault, settings)
        self._importer = Importer(
            parts.db,
            parts.jobs,
            variables,
            connections,
            scripts,
            templates,
            calendars,
            settings,
            PipelineService(parts.db, hints, parts.engine.definitions, parts.engine.pipeline_clock),
        )

    def routes(self) -> list[Route]:
        """In the order in which paths are tried."""
        return [
            Route(
                "GET", "/api/data/export", self.export, "Everything that people made, as one document", ADMINS,
                "data", query=ExportQuery, response=ExportView,
            ),
            Route(
                "POST", "/api/data/import", self.import_, "Take in an export: all of it or nothing; what is there "
                "already stays", ADMINS, "data", query=ImportQuery, body=ImportDocument, response=ImportView,
                max_body_bytes=MOST_BYTES + 1024 * 1024,
            ),
            Route(
                "DELETE", "/api/data/delete", self.delete, "Do away with jobs, history, events, variables, "
                f"scripts and templates; needs the header `{CONFIRM_HEADER}: {CONFIRMED}`", ADMINS, "data",
                response=DeletedView,
            ),
        ]  # fmt: skip

    async def export(self, call: Call) -> Any:
        return await self._exporter.export(call.caller, include_secrets=call.query.include_secrets)

    async def import_(self, call: Call) -> Any:
        dry_run: bool = call.query.dry_run
        summary = await self._importer.take_in(call.body, call.caller, dry_run=dry_run)
        return {
            "status": "ok",
            "dry_run": dry_run,
            "imported": summary.imported,
            "skipped": summary.skipped,
        }

    async def delete(self, call: Call) -> Any:
        if call.request.headers.get(CONFIRM_HEADER) != CONFIRMED:
            raise InvalidInput.field(CONFIRM_HEADER, f"this header must be there and say {CONFIRMED}")
        by = call.caller
        async with self._db.transaction() as session:
            if held := await count_held(session, _MOST_HELD):
                count = f"{held}{'' if held < _MOST_HELD else ' or more'}"
                raise Conflict(f"agents have {count} executions: pause jobs and cancel what runs first")
            removed = await empty_everything(session)
            details = f"{removed} jobs"
            await add_audit(session, by, "data.deleted", "data", details=details)
            message = f"All data was deleted ({details})"
            event = NewEvent("data.deleted", "warning", message, api_key_id=by.key_id, api_key_name=by.name)
            await add_events(session, [event])
        for topic in (TIMERS, QUEUE, EVENTS):
            self._hints.hint(topic)
        return {"deleted": True, "jobs_removed": removed}
