"""Routes about what could not be done after many tries (`workflow/outbox.py`)."""

from collections.abc import Awaitable, Callable
from typing import Any, Final
from uuid import UUID

from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.api.table import Call, Route
from tocsin_controller.hints import OUTBOX
from tocsin_controller.security.auditing import add_audit
from tocsin_controller.security.roles import ADMINS
from tocsin_controller.store.database import Session
from tocsin_controller.store.outbox import drop_set_aside, offer_set_aside, set_aside_entries
from tocsin_shared.errors import NotFound
from tocsin_shared.views.base import StatusView
from tocsin_shared.views.records import SetAsideView

#: Entries that are listed.
MOST_LISTED: Final = 1_000


class SetAsideRoutes:
    """Look, try again, give up for good."""

    def __init__(self, parts: Parts) -> None:
        self._db = parts.db
        self._hints = parts.engine.hints

    def routes(self) -> list[Route]:
        """In the order in which paths are tried."""
        one = "/api/admin/outbox/{id}"
        return [
            Route(
                "GET", "/api/admin/outbox", self.list, "What was to be done and was set aside after many tries", ADMINS,
                "system", response=list[SetAsideView],
            ),
            Route(
                "POST", one + "/retry", self.retry, "Have it tried again", ADMINS, "system", response=StatusView
            ),
            Route("DELETE", one, self.drop, "Have it never done", ADMINS, "system", status=204),
        ]  # fmt: skip

    async def list(self, call: Call) -> Any:
        return [dict(row) for row in await set_aside_entries(self._db, MOST_LISTED)]

    async def retry(self, call: Call) -> Any:
        await self._change(call, offer_set_aside, "outbox.retried")
        self._hints.hint(OUTBOX)
        return {"status": "ok"}

    async def drop(self, call: Call) -> None:
        await self._change(call, drop_set_aside, "outbox.dropped")

    async def _change(
        self, call: Call, change: Callable[[Session, UUID], Awaitable[str | None]], operation: str
    ) -> None:
        entry_id = call.id("id")
        async with self._db.transaction() as session:
            kind = await change(session, entry_id)
            if kind is None:
                raise NotFound(f"nothing with the id {entry_id} was set aside")
            await add_audit(session, call.caller, operation, "outbox", entry_id, kind)
