"""Answers without an end: server-sent events."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from typing import Final

from aiohttp import web
from aiohttp_sse import EventSourceResponse

#: A comment keeps proxies from closing a quiet stream, and shows that the reader is still there.
KEEP_ALIVE_SECS: Final = 15.0
#: A reader that takes nothing for so long is cut off; it can go on from the last event it saw.
STALLED_SECS: Final = 60.0


async def send_events(
    request: web.Request, events: AsyncIterator[bytes], closing: asyncio.Event
) -> web.StreamResponse:
    """Sends batches of ready-made events until they end, the reader goes, or the server stops.

    Nothing is made ahead of a slow reader: the next batch is asked for when this one is on its way.
    """
    response = EventSourceResponse(ping_interval=KEEP_ALIVE_SECS, send_timeout=STALLED_SECS, sep="\n")
    response.headers["X-Accel-Buffering"] = "no"
    await response.prepare(request)
    async with response, aclosing(_until(closing, events)) as wanted:
        with suppress(ConnectionError, TimeoutError):
            async for batch in wanted:
                async with asyncio.timeout(STALLED_SECS):
                    await response.write(batch)
    return response


async def _until(closing: asyncio.Event, events: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The same events, but none after the server began to stop."""
    stop = asyncio.create_task(closing.wait())
    step: asyncio.Task[bytes] | None = None
    try:
        while True:
            step = asyncio.ensure_future(anext(events))
            await asyncio.wait({stop, step}, return_when=asyncio.FIRST_COMPLETED)
            if not step.done():
                return
            try:
                yield step.result()
            except StopAsyncIteration:
                return
    finally:
        for task in (stop, step):
            if task is not None and not task.done():
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        if isinstance(events, AsyncGenerator):
            await events.aclose()
