"""Event streams that survive a controller's restart."""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable

import aiohttp

from tocsin_cli.client import Client
from tocsin_cli.failures import Refused, Unreachable
from tocsin_cli.sse import EventParser, ServerEvent

#: How long a controller may be away before following is given up.
PATIENCE_SECS = 600.0
MAX_PAUSE_SECS = 5.0


async def follow(
    api: Client,
    path: str,
    *,
    last_id: str = "",
    on_break: Callable[[], None] = lambda: None,
    patience_secs: float = PATIENCE_SECS,
) -> AsyncGenerator[ServerEvent, None]:
    """The events of a stream, each once; the caller stops when it has seen the last one.

    `last_id` skips those up to that one. A broken or ended connection is made anew with Last-Event-ID, and
    `on_break` hears of it. Raises Refused when there is no such stream, Unreachable when nobody has answered
    for `patience_secs`.
    """
    pause_secs = 0.0
    clock = asyncio.get_running_loop().time
    heard_at = clock()
    while True:
        parser = EventParser()
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        if last_id:
            headers["Last-Event-ID"] = last_id
        try:
            async with api.open(path, headers=headers) as response:
                heard_at = clock()
                if response.status == 204:
                    return
                async for chunk in response.content.iter_any():
                    for event in parser.feed(chunk):
                        last_id = event.last_id or last_id
                        pause_secs = 0.0
                        yield event
                heard_at = clock()
        except (Unreachable, aiohttp.ClientError, TimeoutError):
            if clock() - heard_at > patience_secs:
                raise
        except Refused as refusal:
            if refusal.status != 429 and refusal.status < 500:
                raise
        if pause_secs == 0.0:
            on_break()
        pause_secs = min(max(pause_secs * 2, parser.retry_secs or 0.25), MAX_PAUSE_SECS)
        await asyncio.sleep(pause_secs * random.uniform(0.5, 1.0))  # noqa: S311  spreads load, hides nothing
