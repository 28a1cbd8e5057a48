"""Routes about the audit log."""

from typing import Any

from pydantic import Field

from tocsin_controller.api.handlers.parts import Parts, cursor
from tocsin_controller.api.paging import PageQuery, PageSize, page_of
from tocsin_controller.api.table import Call, Route
from tocsin_controller.security.roles import ADMINS
from tocsin_controller.store.audit import list_audit
from tocsin_controller.store.database import Record
from tocsin_shared.views.base import Page
from tocsin_shared.views.records import AuditView
from tocsin_shared.wire import Instant, Text

#: So many rows one page looks at; when fewer match, `next` says where to go on.
WINDOW = 10_000


class AuditQuery(PageQuery):
    """Which rows."""

    per_page: PageSize = 50
    operation: Text | None = Field(None, max_length=100, description="Only this one, such as job.updated.")
    actor: Text | None = Field(None, max_length=500, description="Found literally in the name of the key.")
    since: Instant | None = Field(None, description="At or after this instant.")


class AuditRoutes:
    """The audit log: list."""

    def __init__(self, parts: Parts) -> None:
        self._db = parts.db

    def routes(self) -> list[Route]:
        """In the order in which paths are tried."""
        return [
            Route(
                "GET", "/api/audit-log", self.list, "Who changed what, newest first", ADMINS, "audit",
                query=AuditQuery, response=Page[AuditView],
            ),
        ]  # fmt: skip

    async def list(self, call: Call) -> Any:
        query: AuditQuery = call.query
        page = await list_audit(
            self._db,
            operation=query.operation,
            actor=query.actor,
            since=query.since,
            before=cursor(query.after),
            offset=query.offset,
            limit=query.per_page,
            window=WINDOW,
        )
        data = [_show(row) for row in page.rows]
        has_more = query.offset + len(data) < page.total
        following = data[-1]["id"] if data and has_more else page.looked_back_to
        is_capped = page.looked_back_to is not None
        return page_of(data, query, page.total, next_cursor=following, is_capped=is_capped)


def _show(row: Record) -> dict[str, Any]:
    names = (
        "id", "actor_key_id", "actor_key_name", "actor_address", "operation", "resource_type", "resource_id",
        "details", "changes",
    )  # fmt: skip
    return {"timestamp": row["at"], **{name: row[name] for name in names}}
