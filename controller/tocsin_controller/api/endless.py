"""Answers without an end: server-sent events."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from typing import Final
from uuid import UUID

from aiohttp import web
from aiohttp_sse import EventSourceResponse

from tocsin_controller.api.waiters import Waiters, is_reader_gone
from tocsin_controller.security.keyring import KeyRing
from tocsin_shared.errors import Unavailable

#: A comment keeps proxies from closing a quiet stream, and shows that the reader is still there.
KEEP_ALIVE_SECS: Final = 15.0
#: A reader that takes nothing for so long is cut off; it can go on from the last event it saw.
STALLED_SECS: Final = 60.0
#: Whoever's key was revoked, or has expired, reads on for so long at most.
RECHECK_SECS: Final = 5.0


class Endless:
    """The streams of one controller."""

    def __init__(self, keyring: KeyRing, waiters: Waiters) -> None:
        self._keyring = keyring
        self._waiters = waiters
        #: Set when the server stops: streams end.
        self.closing = asyncio.Event()

    async def send(
        self, request: web.Request, events: AsyncIterator[bytes], key_id: UUID
    ) -> web.StreamResponse:
        """Sends batches of ready-made events until they end, the reader goes, its key is void, or the server stops.

        Nothing is made ahead of a slow reader: the next batch is asked for when this one is on its way. Raises
        TooManyRequests before anything is sent.
        """
        with self._waiters.place(key_id):
            response = EventSourceResponse(ping_interval=KEEP_ALIVE_SECS, send_timeout=STALLED_SECS, sep="\n")
            response.headers["X-Accel-Buffering"] = "no"
            await response.prepare(request)
            async with response, aclosing(self._while_wanted(request, events, key_id)) as wanted:
                with suppress(ConnectionError, TimeoutError):
                    async for batch in wanted:
                        async with asyncio.timeout(STALLED_SECS):
                            await response.write(batch)
            return response

    async def _while_wanted(
        self, request: web.Request, events: AsyncIterator[bytes], key_id: UUID
    ) -> AsyncGenerator[bytes, None]:
        """The same events, but none after the server began to stop, or the key no longer lets in."""
        ends = {
            asyncio.create_task(self.closing.wait()),
            asyncio.create_task(self._until_void(request, key_id)),
        }
        step: asyncio.Task[bytes] | None = None
        try:
            while True:
                step = asyncio.ensure_future(anext(events))
                await asyncio.wait({*ends, step}, return_when=asyncio.FIRST_COMPLETED)
                if any(end.done() for end in ends):
                    return
                try:
                    yield step.result()
                except StopAsyncIteration:
                    return
        finally:
            for task in (*ends, step):
                if task is not None and not task.done():
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await task
            if isinstance(events, AsyncGenerator):
                await events.aclose()

    async def _until_void(self, request: web.Request, key_id: UUID) -> None:
        """Return once the reader is gone, or the key lets nobody in any more.

        A quiet stream would not notice either. While the database is away nothing is to be read anyway.
        """
        is_good = True
        while is_good and not is_reader_gone(request):
            await asyncio.sleep(RECHECK_SECS)
            with suppress(Unavailable):
                is_good = await self._keyring.still_works(key_id)
