"""What follows from something that is true already, done exactly once, later and elsewhere.

Whoever makes something true writes an entry in the same transaction (`store/outbox.py`), with a kind and a payload.
The loop of some controller takes it and hands it to the handler of its kind, in the transaction that deletes it: what
the handler writes is there exactly when the entry is gone. A crash between the two leaves everything as it was.

Entries of one kind come in batches. A batch that can't be handled is tried entry by entry; one that fails alone comes
again later, and after many tries is set aside with an event. In no particular order: a handler looks at what is true
when it runs.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from tocsin_controller.hints import EVENTS, OUTBOX, Hints, woken_within
from tocsin_controller.jitter import jittered
from tocsin_controller.store.database import Database, Session
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.outbox import (
    OutboxEntry,
    defer_in_outbox,
    delete_from_outbox,
    outbox_work,
    take_from_outbox,
    take_one_from_outbox,
)
from tocsin_shared.errors import Unavailable
from tocsin_shared.logs import log
from tocsin_shared.wire import storable

#: Even without a hint the loop looks this often (±20 %): most hints are for the controller that wrote the entry.
POLL_SECS: Final = 1.0
FIRST_RETRY_SECS: Final = 1.0
LONGEST_RETRY_SECS: Final = 300.0
#: Tries of one entry, over about 45 minutes.
MAX_ATTEMPTS: Final = 16

#: Nobody's fault: what met these is tried again with the next look.
SOMEBODY_ELSES_LOCKS: Final = (
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
)

#: Tells others once the transaction has committed.
AfterCommit = Callable[[], None]
#: Does what entries of one kind ask for, with the transaction that deletes them; never anything slow or outside the
#: database. Locks rows in one order, whatever the order of the entries.
Handler = Callable[[Session, Sequence[OutboxEntry]], Awaitable[AfterCommit | None]]


@dataclass(frozen=True, slots=True)
class _Registered:
    handle: Handler
    batch: int


class Outbox:
    """The loop, and who does what. One per controller."""

    def __init__(self, db: Database, hints: Hints) -> None:
        self._db = db
        self._hints = hints
        self._handlers: dict[str, _Registered] = {}

    def register(self, kind: str, handle: Handler, *, batch: int = 100) -> None:
        """Entries of this kind go to this handler, at most so many at a time. Before `run` only.

        Kinds that nobody registered stay where they are: a newer release may have written them.
        """
        if kind in self._handlers:
            raise ValueError(f"{kind} has a handler")
        self._handlers[kind] = _Registered(handle, batch)

    async def run(self) -> None:
        """Until cancelled. Raises Unavailable when the database goes away; the supervisor starts it again."""
        with self._hints.watch(OUTBOX) as woken:
            while True:
                woken.clear()
                secs = await self.once()
                if secs <= 0:
                    continue
                await woken_within(woken, min(jittered(POLL_SECS), secs))

    async def once(self) -> float:
        """One batch of every kind that has something due; how many seconds until there may be more."""
        work = await outbox_work(self._db, list(self._handlers))
        is_full = False
        for kind in [kind for kind, secs in work.items() if secs <= 0]:
            is_full |= await self._handle_batch(kind, self._handlers[kind])
        return 0 if is_full else min((secs for secs in work.values() if secs > 0), default=POLL_SECS)

    async def _handle_batch(self, kind: str, registered: _Registered) -> bool:
        """Whether there may be more of it."""
        entries: list[OutboxEntry] = []
        try:
            async with self._db.transaction() as session:
                entries = await take_from_outbox(session, kind, registered.batch)
                after = await self._do(session, registered, entries)
        except Unavailable:
            raise
        except SOMEBODY_ELSES_LOCKS:
            return False
        except Exception as error:
            if len(entries) == 1:
                await self._put_off(kind, entries[0], error)
            else:
                log.exception("batch_split", what=kind, size=len(entries))
                await self._handle_each(kind, registered, entries)
        else:
            if after is not None:
                after()
        return len(entries) == registered.batch

    async def _handle_each(self, kind: str, registered: _Registered, entries: Sequence[OutboxEntry]) -> None:
        for entry in entries:
            try:
                async with self._db.transaction() as session:
                    mine = await take_one_from_outbox(session, entry.id)
                    after = await self._do(session, registered, [mine] if mine is not None else [])
            except Unavailable:
                raise
            except SOMEBODY_ELSES_LOCKS:
                continue
            except Exception as error:  # noqa: BLE001  told in `_put_off`
                await self._put_off(kind, entry, error)
            else:
                if after is not None:
                    after()

    async def _do(
        self, session: Session, registered: _Registered, entries: Sequence[OutboxEntry]
    ) -> AfterCommit | None:
        if not entries:
            return None
        after = await registered.handle(session, entries)
        await delete_from_outbox(session, [entry.id for entry in entries])
        return after

    async def _put_off(self, kind: str, entry: OutboxEntry, error: Exception) -> None:
        """Later, or never: what failed so often needs somebody to look at it."""
        why = storable(f"{type(error).__name__}: {error}")[:500]
        retry_secs = retry_delay_secs(entry.attempts) if entry.attempts + 1 < MAX_ATTEMPTS else None
        log.error("outbox_entry_failed", kind=kind, id=str(entry.id), retry_secs=retry_secs, exc_info=error)
        async with self._db.transaction() as session:
            was_deferred = await defer_in_outbox(session, entry, why, retry_secs=retry_secs)
            if was_deferred and retry_secs is None:
                event = NewEvent(
                    kind="outbox.set_aside",
                    severity="error",
                    message=f"What was to be done ('{kind}') failed {MAX_ATTEMPTS} times and was set aside: {entry.id}",
                    details=why,
                )
                await add_events(session, [event])
        if retry_secs is None:
            self._hints.hint(EVENTS)


def retry_delay_secs(attempts: int) -> float:
    """How long to wait after so many earlier failures; what failed together is not tried together."""
    delay: float = min(FIRST_RETRY_SECS * 2**attempts, LONGEST_RETRY_SECS)
    return jittered(delay)
