"""`/health`, which two of them have, each with a part of its own: Chronos the envelope, Dkron `status` and `leader`."""

import asyncio
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web

from tocsin_controller.api.answers import json_response
from tocsin_controller.store.database import Database
from tocsin_controller.store.jobs import read_clock
from tocsin_shared.errors import Unavailable

#: A database that does not answer within this time is away.
_PROBE_SECS: Final = 3.0


def mount_health(app: web.Application, db: Database) -> None:
    """Serve it, to anybody: it says nothing but whether all is well."""

    async def health(request: web.Request) -> web.Response:
        try:
            async with asyncio.timeout(_PROBE_SECS):
                await read_clock(db)
        except (Unavailable, TimeoutError):
            return _answer(is_well=False)
        return _answer(is_well=True)

    app.router.add_get("/health", health)


def _answer(*, is_well: bool) -> web.Response:
    """Every controller fires what is due, so each is a leader."""
    status = "healthy" if is_well else "unhealthy"
    issue = "the database can't be reached"
    body: dict[str, Any] = {
        "success": is_well,
        "data": {"status": status, "timestamp": datetime.now(UTC)} if is_well else None,
        "error": None if is_well else {"code": "STORE_ERROR", "message": issue},
        "status": status,
        "leader": is_well,
    }
    if not is_well:
        body["issues"] = [issue]
    return json_response(body, 200 if is_well else 503)
