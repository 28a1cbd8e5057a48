"""Results to the addresses that jobs name (`forward_url`): sent after the result is recorded, at least once.

A result that is to be sent is an entry of the outbox, written in the transaction that ends its execution. A controller
claims it by putting it off, sends it without any transaction, and deletes it. Whatever goes wrong in between, it is
due again later; after `MOST_TRIES` it is given up, and an event says so.
"""

import asyncio
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import aiohttp
import structlog

from tocsin_agent.network import AddressRefused, GuardedConnector
from tocsin_controller.hints import EVENTS, FORWARDS, Hints, woken_within
from tocsin_controller.jitter import jittered
from tocsin_controller.store import history
from tocsin_controller.store.database import Database, Record
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.outbox import (
    OutboxEntry,
    defer_in_outbox,
    delete_from_outbox,
    take_from_outbox,
)
from tocsin_controller.store.output import chunks_of
from tocsin_controller.workflow.ending import Ended
from tocsin_shared.executions import STREAM_NUMBERS
from tocsin_shared.network import Reach
from tocsin_shared.wire import dumps

log = structlog.get_logger(__name__)

#: The kind of entry in the outbox.
FORWARD: Final = "forward"
POLL_SECS: Final = 1.0
#: Sent at the same time.
AT_ONCE: Final = 16
LONGEST_SECS: Final = 10.0
#: Of each stream, from its beginning.
MOST_BYTES: Final = 100_000
#: Tries of one result, over about 15 minutes.
MOST_TRIES: Final = 6
#: Before the second try; twice as long before each further one. Longer than a try takes.
FIRST_WAIT_SECS: Final = 30.0


def forward_of(ended: Ended, url: str) -> dict[str, Any]:
    """The entry for one result."""
    return {"execution_id": str(ended.work.execution_id), "url": url}


class _NotSent(Exception):
    """It was not accepted; the message says why."""

    def __init__(self, why: str, *, is_final: bool = False) -> None:
        super().__init__(why)
        #: The same would be answered the same.
        self.is_final = is_final


class Forwarder:
    """Sends what is to be forwarded. One per controller."""

    def __init__(self, db: Database, hints: Hints, reach: Reach) -> None:
        self._db = db
        self._hints = hints
        self._reach = reach

    async def run(self) -> None:
        """Until cancelled. Raises Unavailable when the database goes away; the supervisor starts it again."""
        connector = GuardedConnector(self._reach, limit=AT_ONCE, force_close=True)
        timeout = aiohttp.ClientTimeout(total=LONGEST_SECS)
        headers = {"User-Agent": "tocsin", "Content-Type": "application/json"}
        async with aiohttp.ClientSession(
            connector=connector, timeout=timeout, headers=headers, trust_env=False
        ) as http:
            with self._hints.watch(FORWARDS) as woken:
                while True:
                    woken.clear()
                    if await self.once(http) == AT_ONCE:
                        continue
                    await woken_within(woken, jittered(POLL_SECS))

    async def once(self, http: aiohttp.ClientSession) -> int:
        """Send some of what is due; how much that was."""
        async with self._db.transaction() as session:
            entries = await take_from_outbox(session, FORWARD, AT_ONCE)
            for entry in entries:
                wait_secs = jittered(FIRST_WAIT_SECS * 2**entry.attempts)
                await defer_in_outbox(session, entry, "was being sent", retry_secs=wait_secs)
        async with asyncio.TaskGroup() as group:
            for entry in entries:
                group.create_task(self._forward(http, entry))
        return len(entries)

    async def _forward(self, http: aiohttp.ClientSession, entry: OutboxEntry) -> None:
        execution = await history.execution(self._db, UUID(entry.payload["execution_id"]))
        try:
            if execution is not None:  # else its history was dropped meanwhile
                await self._send(http, str(entry.payload["url"]), execution)
        except _NotSent as error:
            is_last = error.is_final or entry.attempts + 1 >= MOST_TRIES
            log.warning(
                "forward_failed", execution_id=entry.payload["execution_id"], why=str(error), last=is_last
            )
            if is_last and execution is not None:
                await self._give_up(entry, execution, str(error))
            return
        async with self._db.transaction() as session:
            await delete_from_outbox(session, [entry.id])

    async def _send(self, http: aiohttp.ClientSession, url: str, execution: Record) -> None:
        host = urlsplit(url).hostname or ""
        if (why := self._reach.refusal(host)) is not None:
            raise _NotSent(why, is_final=True)
        body = dumps(await self._body(execution))
        # Whoever gets it twice can tell.
        headers = {"Idempotency-Key": str(execution["id"])}
        try:
            async with http.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                status = answer.status
        except AddressRefused as error:
            raise _NotSent(str(error), is_final=True) from None
        except TimeoutError:
            raise _NotSent(f"no answer within {LONGEST_SECS:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _NotSent(f"{type(error).__name__}: {error}"[:300]) from None
        if not 200 <= status < 300:
            may_pass = status >= 500 or status in (408, 425, 429)
            raise _NotSent(f"it was answered with HTTP {status}", is_final=not may_pass)

    async def _body(self, execution: Record) -> dict[str, Any]:
        body = {
            "job_id": execution["job_id"],
            "execution_id": execution["id"],
            "status": execution["status"],
            "exit_code": execution["exit_code"],
            "started_at": execution["started_at"],
            "finished_at": execution["finished_at"],
        }
        for stream, number in STREAM_NUMBERS.items():
            parts: list[bytes] = []
            async for _, data in chunks_of(self._db, execution["id"], number):
                parts.append(data)
                if sum(map(len, parts)) >= MOST_BYTES:
                    break
            body[stream.value] = b"".join(parts)[:MOST_BYTES].decode("utf-8", "replace")
        return body

    async def _give_up(self, entry: OutboxEntry, execution: Record, why: str) -> None:
        event = NewEvent(
            "output.forward_failed",
            "error",
            f"A result of job '{execution['job_name']}' could not be forwarded",
            job_id=execution["job_id"],
            run_id=execution["run_id"],
            execution_id=execution["id"],
            details=f"{why}; tried {entry.attempts + 1} times",
        )
        async with self._db.transaction() as session:
            await delete_from_outbox(session, [entry.id])
            await add_events(session, [event])
        self._hints.hint(EVENTS)
