"""Routes about settings that hold for the whole fleet."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, RootModel

from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.api.table import Call, Route
from tocsin_controller.hints import EVENTS, SETTINGS
from tocsin_controller.security.roles import READERS, WRITERS
from tocsin_controller.services.fleet_settings import FleetSettings
from tocsin_shared.views.base import StatusView
from tocsin_shared.wire import Text, dumps


def _as_text(value: Any) -> Any:
    """A number may be sent as one, and a document as it is."""
    if isinstance(value, dict):
        return dumps(value).decode()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class SettingsChange(
    RootModel[
        Annotated[
            dict[
                Annotated[Text, Field(max_length=100)],
                Annotated[Text, Field(max_length=20_000), BeforeValidator(_as_text)],
            ],
            Field(max_length=200),
        ]
    ]
):
    """New values by key; what is not named stays. An empty value means what the configuration says again."""


class SettingsRoutes:
    """Settings: read, change."""

    def __init__(self, parts: Parts) -> None:
        self._settings = FleetSettings(parts.db, parts.settings, parts.engine.vault)
        self._hints = parts.engine.hints

    def routes(self) -> list[Route]:
        """In the order in which paths are tried."""
        return [
            Route(
                "GET", "/api/settings", self.read, "What holds for the whole fleet, secrets masked", READERS,
                "settings", response=dict[str, str],
            ),
            Route(
                "PUT", "/api/settings", self.change, "Change settings, all or none of those named", WRITERS,
                "settings", body=SettingsChange, response=StatusView,
            ),
        ]  # fmt: skip

    async def read(self, call: Call) -> Any:
        return await self._settings.read()

    async def change(self, call: Call) -> Any:
        body: SettingsChange = call.body
        await self._settings.change(body.root, call.caller)
        self._hints.hint(EVENTS)
        self._hints.hint(SETTINGS)
        return {"status": "ok"}
