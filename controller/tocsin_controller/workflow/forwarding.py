"""Results to the addresses that jobs name (`forward_url`): sent after the result is recorded, at least once.

A result that is to be sent is an entry of the outbox, written in the transaction that ends its execution. What can't be
sent is given up after `MOST_TRIES`, and an event says so.
"""

from typing import Any, Final

import aiohttp

from tocsin_controller.hints import FORWARDS
from tocsin_controller.store.database import Database, Record, Session
from tocsin_controller.store.outbox import OutboxEntry
from tocsin_controller.store.output import chunks_of
from tocsin_controller.workflow.couriers import post
from tocsin_controller.workflow.ending import Ended
from tocsin_controller.workflow.outgoing import execution_of, tell_unsent
from tocsin_shared.executions import STREAM_NUMBERS
from tocsin_shared.network import Reach
from tocsin_shared.wire import dumps

#: The kind of entry in the outbox.
FORWARD: Final = "forward"
#: Of each stream, from its beginning.
MOST_BYTES: Final = 100_000
#: Tries of one result, over about 15 minutes.
MOST_TRIES: Final = 6


def forward_of(ended: Ended, url: str) -> dict[str, Any]:
    """The entry for one result."""
    return {"execution_id": str(ended.work.execution_id), "url": url}


class Forwards:
    """What couriers have to do with them."""

    kind = FORWARD
    topic = FORWARDS
    most_tries = MOST_TRIES

    def __init__(self, db: Database, reach: Reach) -> None:
        self._db = db
        self._reach = reach

    async def send(self, http: aiohttp.ClientSession, entry: OutboxEntry) -> None:
        """Send one result. Raises NotSent."""
        execution = await execution_of(self._db, entry)
        if execution is None:  # its history was dropped meanwhile
            return
        # Whoever gets it twice can tell.
        headers = {"Idempotency-Key": str(execution["id"]), "Content-Type": "application/json"}
        await post(http, self._reach, str(entry.payload["url"]), dumps(await self._body(execution)), headers)

    async def sent(self, session: Session, entry: OutboxEntry) -> None:
        """Nobody is told."""

    async def gave_up(self, session: Session, entry: OutboxEntry, why: str) -> None:
        """An event says it."""
        await tell_unsent(session, entry, "output.forward_failed", "forwarded", why)

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
            printed = bytearray()
            async for _, data in chunks_of(self._db, execution["id"], number):
                printed += data
                if len(printed) >= MOST_BYTES:
                    break
            body[stream.value] = printed[:MOST_BYTES].decode("utf-8", "replace")
        return body
