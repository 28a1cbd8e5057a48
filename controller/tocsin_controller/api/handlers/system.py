"""Routes about the controller itself, and the preview of schedules."""

import asyncio
import time
from importlib.metadata import version
from typing import Any

from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.api.table import Call, Route
from tocsin_controller.scheduling.named_calendars import load_calendars
from tocsin_controller.scheduling.preview import preview
from tocsin_controller.security.roles import READERS
from tocsin_controller.services.generating.configured import AiSettings
from tocsin_controller.store.jobs import read_clock
from tocsin_controller.store.wellbeing import database_size
from tocsin_shared.calendar_schedules import CalendarSchedule
from tocsin_shared.errors import Unavailable
from tocsin_shared.schedules import Preview, PreviewRequest
from tocsin_shared.views.base import StatusView
from tocsin_shared.views.keys import MeView
from tocsin_shared.views.system import ConfigView, HealthView

#: A database that does not answer within this time is away.
PROBE_SECS = 3.0
#: Measuring the size reads a directory of files; a probe every second need not.
SIZE_FRESH_SECS = 60.0


class SystemRoutes:
    """Health, configuration, whose key this is, previews."""

    def __init__(self, parts: Parts) -> None:
        self._db = parts.db
        self._ai = AiSettings(parts.db, parts.settings, parts.engine.vault)
        self._pool_size = parts.settings.database_pool_size
        self._version = version("tocsin-controller")
        self._size = 0
        self._sized_at = float("-inf")

    def routes(self) -> list[Route]:
        """In the order in which paths are tried."""
        return [
            Route(
                "GET", "/api/health", self.health, "How the controller is; always 200", None, "system",
                response=HealthView, is_limited=False,
            ),
            Route(
                "GET", "/api/health/ready", self.ready, "200 while the database answers, else 503", None, "system",
                response=StatusView, is_limited=False,
            ),
            Route("GET", "/api/config", self.config, "What clients may show", None, "system", response=ConfigView),
            Route("GET", "/api/auth/me", self.me, "Whose key this is", READERS, "system", response=MeView),
            Route(
                "POST", "/api/schedules/preview", self.preview, "The coming fires of a schedule", READERS,
                "schedules", body=PreviewRequest, response=Preview,
            ),
        ]  # fmt: skip

    async def health(self, call: Call) -> Any:
        db: dict[str, Any] = {"ok": True, "pool_size": self._pool_size}
        try:
            async with asyncio.timeout(PROBE_SECS):
                db["size_bytes"] = await self._probe()
        except (Unavailable, TimeoutError):
            db = {"ok": False}
        status = "ok" if db["ok"] else "degraded"
        return {"status": status, "version": self._version, "db": db}

    async def ready(self, call: Call) -> Any:
        async with asyncio.timeout(PROBE_SECS):
            await read_clock(self._db)
        return {"status": "ready"}

    async def config(self, call: Call) -> Any:
        return {"demo_mode": False, "ai_enabled": await self._ai.is_enabled()}

    async def me(self, call: Call) -> Any:
        caller = call.caller
        return {
            "authenticated": True,
            "auth_type": "api_key",
            "name": caller.name,
            "role": caller.role.value,
            "key_id": caller.key_id,
            "key_prefix": caller.key_prefix,
            "agent_id": caller.agent_id,
        }

    async def preview(self, call: Call) -> Any:
        request: PreviewRequest = call.body
        names = [*request.blackouts]
        if isinstance(request.schedule, CalendarSchedule):
            names += request.schedule.value.calendars
        calendars = await load_calendars(self._db, names)
        return preview(request, await read_clock(self._db), calendars)

    async def _probe(self) -> int:
        if time.monotonic() - self._sized_at < SIZE_FRESH_SECS:
            await read_clock(self._db)
        else:
            self._size, self._sized_at = await database_size(self._db), time.monotonic()
        return self._size
