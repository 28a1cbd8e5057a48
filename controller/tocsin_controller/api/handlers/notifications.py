"""Routes about notifications."""

from typing import Any

from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.api.table import Call, Route
from tocsin_controller.security.roles import WRITERS
from tocsin_controller.services.notification_trials import NotificationTrials
from tocsin_shared.notifications import NotificationTest


class NotificationRoutes:
    """Trying the channels that the settings name."""

    def __init__(self, parts: Parts) -> None:
        self._trials = NotificationTrials(parts.db, parts.engine.vault, parts.engine.reach)

    def routes(self) -> list[Route]:
        """In the order in which paths are tried."""
        return [
            Route(
                "POST", "/api/notifications/test", self.test,
                "Send a test message through each channel that is switched on", WRITERS, "settings",
                response=NotificationTest,
            ),
        ]  # fmt: skip

    async def test(self, call: Call) -> Any:
        return await self._trials.attempt()
