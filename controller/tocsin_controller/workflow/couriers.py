"""What leaves the house: entries of the outbox that are sent to somebody else's server, at least once.

A courier claims entries by putting them off, sends them without any transaction, and deletes them. Whatever goes wrong
in between, they are due again later; after `most_tries` one is given up.
"""

import asyncio
from collections.abc import Mapping
from typing import Final, Protocol
from urllib.parse import urlsplit

import aiohttp

from tocsin_agent.network import AddressRefused, GuardedConnector
from tocsin_controller.hints import EVENTS, Hints, woken_within
from tocsin_controller.jitter import jittered
from tocsin_controller.store.database import Database, Session
from tocsin_controller.store.outbox import (
    OutboxEntry,
    defer_in_outbox,
    delete_claimed,
    delete_from_outbox,
    take_from_outbox,
)
from tocsin_shared.errors import Unavailable
from tocsin_shared.logs import log
from tocsin_shared.network import Reach
from tocsin_shared.wire import storable

POLL_SECS: Final = 1.0
#: Sent at the same time.
AT_ONCE: Final = 16
#: For one HTTP request.
LONGEST_SECS: Final = 10.0
#: For one try of whatever freight.
LONGEST_TRY_SECS: Final = 22.0
#: Before the second try; twice as long before each further one. Even at its shortest (-20 %) longer than a try takes.
FIRST_WAIT_SECS: Final = 30.0


class NotSent(Exception):
    """It was not accepted; the message says why, without secrets."""

    def __init__(self, why: str, *, is_final: bool = False) -> None:
        super().__init__(storable(why))
        #: The same would be answered the same.
        self.is_final = is_final


class Freight(Protocol):
    """What a courier carries."""

    #: The kind of entry in the outbox.
    kind: str
    #: Hinted when there may be some.
    topic: str
    most_tries: int

    async def send(self, http: aiohttp.ClientSession, entry: OutboxEntry) -> None:
        """Raises NotSent."""

    async def sent(self, session: Session, entry: OutboxEntry) -> None:
        """Tell it, in the transaction that deletes the entry."""

    async def gave_up(self, session: Session, entry: OutboxEntry, why: str) -> None:
        """The same for what is tried no more."""


class Courier:
    """Sends what is to be sent of one kind. One of each per controller."""

    def __init__(
        self,
        db: Database,
        hints: Hints,
        reach: Reach,
        freight: Freight,
        *,
        first_wait_secs: float = FIRST_WAIT_SECS,
    ) -> None:
        self._db = db
        self._hints = hints
        self._reach = reach
        self._freight = freight
        self._first_wait_secs = first_wait_secs

    async def run(self) -> None:
        """Until cancelled. Raises Unavailable when the database goes away; the supervisor starts it again."""
        async with outside(self._reach) as http:
            with self._hints.watch(self._freight.topic) as woken:
                while True:
                    woken.clear()
                    if await self.once(http) == AT_ONCE:
                        continue
                    await woken_within(woken, jittered(POLL_SECS))

    async def once(self, http: aiohttp.ClientSession) -> int:
        """Send some of what is due; how much that was."""
        async with self._db.transaction() as session:
            entries = await take_from_outbox(session, self._freight.kind, AT_ONCE)
            for entry in entries:
                wait_secs = jittered(self._first_wait_secs * 2**entry.attempts)
                await defer_in_outbox(session, entry, "was being sent", retry_secs=wait_secs)
        outages: list[Unavailable] = []
        async with asyncio.TaskGroup() as group:
            for entry in entries:
                group.create_task(self._carry_alone(http, entry, outages))
        if outages:
            raise outages[0]
        return len(entries)

    async def _carry_alone(
        self, http: aiohttp.ClientSession, entry: OutboxEntry, outages: list[Unavailable]
    ) -> None:
        """Whatever goes wrong with one keeps no other from being sent: it would be sent twice."""
        try:
            await self._carry(http, entry)
        except Unavailable as error:
            outages.append(error)
        except Exception:
            log.exception("outcome_not_noted", kind=self._freight.kind, entry=str(entry.id))
            if entry.attempts + 1 >= self._freight.most_tries:
                await self._drop(entry, outages)

    async def _drop(self, entry: OutboxEntry, outages: list[Unavailable]) -> None:
        """It is tried no more, though nobody could be told what became of it."""
        try:
            async with self._db.transaction() as session:
                await delete_from_outbox(session, [entry.id])
        except Unavailable as error:
            outages.append(error)

    async def _carry(self, http: aiohttp.ClientSession, entry: OutboxEntry) -> None:
        try:
            await self._send(http, entry)
        except NotSent as error:
            is_last = error.is_final or entry.attempts + 1 >= self._freight.most_tries
            log.warning(
                "not_sent", kind=self._freight.kind, entry=str(entry.id), why=str(error), last=is_last
            )
            if not is_last:
                return
            async with self._db.transaction() as session:
                if await delete_claimed(session, entry):
                    why = f"{error}; tried {entry.attempts + 1} times"
                    await self._freight.gave_up(session, entry, why)
        else:
            async with self._db.transaction() as session:
                if await delete_from_outbox(session, [entry.id]):
                    await self._freight.sent(session, entry)
        self._hints.hint(EVENTS)

    async def _send(self, http: aiohttp.ClientSession, entry: OutboxEntry) -> None:
        """What nobody thought of is tried again like the rest, and keeps no other from being sent."""
        try:
            async with asyncio.timeout(LONGEST_TRY_SECS):
                await self._freight.send(http, entry)
        except (NotSent, Unavailable):
            raise
        except TimeoutError:
            raise NotSent(f"it took longer than {LONGEST_TRY_SECS:g} s") from None
        except Exception as error:
            log.exception("sending_failed", kind=self._freight.kind, entry=str(entry.id))
            raise NotSent(f"it could not be put together ({type(error).__name__})") from None


def outside(reach: Reach) -> aiohttp.ClientSession:
    """For requests to other people's servers, under the network policy."""
    return aiohttp.ClientSession(
        connector=GuardedConnector(reach, limit=AT_ONCE, force_close=True),
        timeout=aiohttp.ClientTimeout(total=LONGEST_SECS),
        headers={"User-Agent": "tocsin"},
        trust_env=False,
    )


async def post(
    http: aiohttp.ClientSession,
    reach: Reach,
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    method: str = "POST",
) -> None:
    """One request that must be answered with 2xx. Raises NotSent; the error does not show the address."""
    host = urlsplit(url).hostname or ""
    if (why := reach.refusal(host)) is not None:
        raise NotSent(why, is_final=True)
    try:
        async with http.request(method, url, data=body, headers=headers, allow_redirects=False) as answer:
            status = answer.status
    except AddressRefused as error:
        raise NotSent(str(error), is_final=True) from None
    except TimeoutError:
        raise NotSent(f"no answer within {LONGEST_SECS:g} s") from None
    except aiohttp.InvalidURL:
        raise NotSent("its address is no URL", is_final=True) from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise NotSent(f"{type(error).__name__}: {error}"[:300]) from None
    if not 200 <= status < 300:
        may_pass = status >= 500 or status in (408, 425, 429)
        raise NotSent(f"it was answered with HTTP {status}", is_final=not may_pass)
