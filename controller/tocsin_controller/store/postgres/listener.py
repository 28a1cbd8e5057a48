"""LISTEN on a dedicated connection that comes back by itself.

Notifications are hints. Those sent while the connection was away are gone, so a (re)connect is
told too: whoever listens must then look for itself.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Final, NoReturn, TypeAlias

import asyncpg

from tocsin_controller.store.postgres.dial import Dialer
from tocsin_controller.store.postgres.outage import guarded
from tocsin_shared.errors import Unavailable
from tocsin_shared.logs import log

OnHint: TypeAlias = Callable[[str | None], None]
"""Called with the payload ("" when it had none), or with None after a (re)connect: anything may
have been missed. Runs in the event loop and must return at once (set an event, notify a condition)."""

PING_EVERY_SECS: Final = 10.0
PING_TIMEOUT_SECS: Final = 5.0
FIRST_DELAY_SECS: Final = 0.1
LONGEST_DELAY_SECS: Final = 2.0


async def listen(dialer: Dialer, channel: str, callback: OnHint) -> NoReturn:
    """Hand the channel's notifications to the callback until cancelled; reconnects with jittered backoff."""
    delay_secs = FIRST_DELAY_SECS
    while True:
        try:
            connection = await dialer.dial()
            try:
                lost = await _subscribe(connection, channel, callback)
                delay_secs = FIRST_DELAY_SECS
                await _watch(connection, lost)
            finally:
                connection.terminate()
        except Unavailable:
            log.warning("listen_connection_lost", channel=channel, retry_secs=delay_secs)
        await asyncio.sleep(random.uniform(0, delay_secs))  # noqa: S311  jitter is not a secret
        delay_secs = min(delay_secs * 2, LONGEST_DELAY_SECS)


async def _subscribe(connection: asyncpg.Connection, channel: str, callback: OnHint) -> asyncio.Event:
    """Listen, then say "look for yourself"; the event is set when the connection ends."""
    lost = asyncio.Event()
    connection.add_termination_listener(lambda _: lost.set())
    await guarded(
        connection.add_listener, channel, lambda _connection, _pid, _channel, payload: callback(payload)
    )
    callback(None)
    return lost


async def _watch(connection: asyncpg.Connection, lost: asyncio.Event) -> NoReturn:
    """Raises Unavailable when the connection ends or no longer answers."""
    while True:
        try:
            async with asyncio.timeout(PING_EVERY_SECS):
                await lost.wait()
        except TimeoutError:
            await guarded(connection.execute, "SELECT 1", timeout=PING_TIMEOUT_SECS)
        else:
            raise Unavailable
