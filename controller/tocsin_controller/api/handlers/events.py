"""Routes about events."""

from typing import Any

from aiohttp import web
from pydantic import ConfigDict, Field

from tocsin_controller.api.handlers.parts import Parts, cursor
from tocsin_controller.api.paging import COUNT_CAP, PageQuery, PageSize, counted_page
from tocsin_controller.api.table import Call, Route
from tocsin_controller.security.roles import READERS
from tocsin_controller.services.feed import follow_events
from tocsin_controller.services.show import as_uuid, show_event
from tocsin_controller.store.events import list_events
from tocsin_shared.views.base import Page
from tocsin_shared.views.records import EventView
from tocsin_shared.wire import Instant, Model, Text


class EventsQuery(PageQuery):
    """Which events."""

    per_page: PageSize = 50
    since: Instant | None = Field(None, description="At or after this instant.")


class FeedQuery(Model):
    """For clients that can't send the Last-Event-ID header."""

    model_config = ConfigDict(extra="forbid")

    last_event_id: Text | None = Field(
        None, max_length=100, description="The id of the last event seen; without it the feed starts now."
    )


class EventRoutes:
    """Events: list, follow."""

    def __init__(self, parts: Parts) -> None:
        self._db = parts.db
        self._hints = parts.engine.hints
        self._endless = parts.endless

    def routes(self) -> list[Route]:
        """In the order in which paths are tried."""
        return [
            Route(
                "GET", "/api/events", self.list, "List what happened, newest first", READERS, "events",
                query=EventsQuery, response=Page[EventView],
            ),
            Route(
                "GET", "/api/events/stream", self.feed, "What happens, as it happens (SSE)", READERS, "events",
                query=FeedQuery, media_type="text/event-stream",
            ),
        ]  # fmt: skip

    async def list(self, call: Call) -> Any:
        query: EventsQuery = call.query
        page = await list_events(
            self._db,
            since=query.since,
            before=cursor(query.after),
            offset=query.offset,
            limit=query.per_page,
            cap=COUNT_CAP,
        )
        data = [show_event(row) for row in page.rows]
        return counted_page(data, query, page.total, last=page.rows[-1]["id"] if page.rows else None)

    async def feed(self, call: Call) -> web.StreamResponse:
        given = call.request.headers.get("Last-Event-ID") or call.query.last_event_id
        events = follow_events(self._db, self._hints, as_uuid(given) if given else None)
        return await self._endless.send(call.request, events, call.caller.key_id)
