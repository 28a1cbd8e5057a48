"""Routes to the output of an execution: raw, and as it comes."""

import secrets
from typing import Any
from uuid import UUID

from aiohttp import web
from pydantic import ConfigDict, Field

from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.api.table import Call, Route
from tocsin_controller.security.roles import READERS
from tocsin_controller.services.following import follow_output
from tocsin_controller.services.output_text import text_parts
from tocsin_controller.store import history
from tocsin_controller.store.output import chunks_of
from tocsin_controller.store.tickets import insert_ticket, take_ticket
from tocsin_shared.errors import NotFound, Unauthorized
from tocsin_shared.executions import STREAM_NUMBERS, ExecutionStatus, Stream
from tocsin_shared.views.executions import StreamTicket
from tocsin_shared.wire import Model, Text

TICKET_SECS = 60.0


class StreamQuery(Model):
    """For clients that can't send headers, such as a browser's EventSource."""

    model_config = ConfigDict(extra="forbid")

    ticket: Text | None = Field(None, max_length=200, description="From `stream-ticket`, instead of a key.")
    last_event_id: Text | None = Field(
        None,
        max_length=100,
        description="The id of the last event seen, instead of the Last-Event-ID header.",
    )


class OutputRoutes:
    """Output: read, follow."""

    def __init__(self, parts: Parts) -> None:
        self._db = parts.db
        self._hints = parts.engine.hints
        self._endless = parts.endless
        self._keyring = parts.keyring

    def routes(self) -> list[Route]:
        """In the order in which paths are tried."""
        one = "/api/executions/{id}"
        return [
            Route(
                "GET", one + "/output/{stream}", self.raw, "One stream (stdout or stderr) as text", READERS,
                "executions", media_type="text/plain",
            ),
            Route(
                "POST", one + "/stream-ticket", self.ticket, "A single-use stand-in for a key, for the stream",
                READERS, "executions", response=StreamTicket,
            ),
            Route(
                "GET", one + "/stream", self.stream,
                "Output from the start, then as it comes (SSE): an event per line, at the end `done`",
                READERS, "executions", query=StreamQuery, media_type="text/event-stream", accepts_ticket=True,
            ),
        ]  # fmt: skip

    async def raw(self, call: Call) -> web.StreamResponse:
        row = await self._row(call)
        try:
            stream = Stream(call.path["stream"])
        except ValueError:
            raise NotFound("the streams are stdout and stderr") from None
        is_over = ExecutionStatus(row["status"]).is_final
        chunks = chunks_of(self._db, row["id"], STREAM_NUMBERS[stream])
        response = web.StreamResponse(headers={"Content-Type": "text/plain; charset=utf-8"})
        await response.prepare(call.request)
        async for part in text_parts(chunks, row[f"{stream.value}_bytes"] if is_over else 0):
            await response.write(part)
        await response.write_eof()
        return response

    async def ticket(self, call: Call) -> Any:
        row = await self._row(call)
        ticket = secrets.token_urlsafe(24)
        expires_at = await insert_ticket(self._db, ticket, row["id"], call.caller.key_id, TICKET_SECS)
        return {"ticket": ticket, "expires_at": expires_at}

    async def stream(self, call: Call) -> web.StreamResponse:
        key_id = call.principal.key_id if call.principal is not None else await self._redeem(call)
        row = await self._row(call)
        last = call.request.headers.get("Last-Event-ID") or call.query.last_event_id
        events = follow_output(self._db, self._hints, row["id"], last)
        return await self._endless.send(call.request, events, key_id)

    async def _redeem(self, call: Call) -> UUID:
        """The key that the ticket stands in for. Raises Unauthorized."""
        ticket = call.query.ticket
        key_id = ticket and await take_ticket(self._db, ticket, call.id("id"), TICKET_SECS)
        if not key_id or not await self._keyring.still_works(key_id):
            raise Unauthorized("this ticket is not valid (any more): each is good once, for a minute")
        return key_id

    async def _row(self, call: Call) -> Any:
        execution_id = call.id("id")
        row = await history.execution(self._db, execution_id)
        if row is None:
            raise NotFound(f"there is no execution {execution_id}")
        return row
