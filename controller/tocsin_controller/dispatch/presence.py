"""Who was heard of lately, written in batches: one statement renews the leases of many agents."""

import asyncio
import time
from collections.abc import Sequence
from uuid import UUID

from tocsin_controller.hints import EVENTS, Hints
from tocsin_controller.isolation import write_apart
from tocsin_controller.store.agents import Seen, note_seen
from tocsin_controller.store.database import Database, HeldSession
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.leasing import renew_leases
from tocsin_shared.logs import log
from tocsin_shared.protocol import Held

#: How long heartbeats are collected.
FLUSH_SECS = 0.25
#: Leases in one statement.
BATCH = 5_000


class Presence:
    """Collects signs of life and writes them."""

    def __init__(self, db: Database, hints: Hints, *, lease_secs: float) -> None:
        self._db = db
        self._hints = hints
        self._lease_secs = lease_secs
        self._seen: dict[UUID, Seen] = {}
        self._held: dict[UUID, Sequence[Held]] = {}
        self._noted_at: dict[UUID, float] = {}
        self._has_news = asyncio.Event()

    def note(self, agent_id: UUID, seen: Seen | None = None, held: Sequence[Held] = ()) -> None:
        """An agent was heard of. Polls repeat fast, so without news they count once per sixth of a lease."""
        now = time.monotonic()
        if seen is None and now - self._noted_at.get(agent_id, float("-inf")) < self._lease_secs / 6:
            return
        self._noted_at[agent_id] = now
        self._seen[agent_id] = seen or self._seen.get(agent_id) or Seen()
        if held:
            self._held[agent_id] = held
        self._has_news.set()

    def forget(self, agent_id: UUID) -> None:
        """The agent was removed."""
        for known in (self._seen, self._held, self._noted_at):
            known.pop(agent_id, None)

    async def run(self) -> None:
        """Until cancelled. Raises Unavailable when the database goes away; what was collected is kept."""
        async with self._db.hold() as session:
            while True:
                await self._has_news.wait()
                await asyncio.sleep(FLUSH_SECS)
                self._has_news.clear()
                seen, self._seen = self._seen, {}
                held, self._held = self._held, {}
                try:
                    back = await self._write(session, seen, held)
                except BaseException:
                    self._seen = seen | self._seen
                    self._held = held | self._held
                    self._has_news.set()
                    raise
                if back:
                    log.info("agents_back_online", count=len(back))
                    self._hints.hint(EVENTS)
                self._forget_old()

    async def _write(
        self, session: HeldSession, seen: dict[UUID, Seen], held: dict[UUID, Sequence[Held]]
    ) -> list[UUID]:
        """All at once, or agent by agent when one of them said something that can't be written."""
        back: list[UUID] = []

        async def write(agents: Sequence[UUID]) -> None:
            leases = [(agent_id, h) for agent_id in agents for h in held.get(agent_id, ())]
            for start in range(0, len(leases), BATCH):
                await renew_leases(session, leases[start : start + BATCH], self._lease_secs)
            async with session.transaction() as transaction:
                again = await note_seen(transaction, {i: seen[i] for i in agents}, self._lease_secs)
                await add_events(transaction, [_back_online(agent_id) for agent_id in again])
            back.extend(again)

        async def give_up(agent_id: UUID, error: Exception) -> None:
            log.error("presence_not_written", agent_id=str(agent_id), error=str(error))

        await write_apart(sorted(seen), write, give_up)
        return back

    def _forget_old(self) -> None:
        """Memory follows the fleet."""
        if len(self._noted_at) > 2 * len(self._seen) + 1_000:
            horizon = time.monotonic() - 2 * self._lease_secs
            self._noted_at = {i: at for i, at in self._noted_at.items() if at > horizon}


def _back_online(agent_id: UUID) -> NewEvent:
    return NewEvent(
        kind="agent.online", severity="success", message="Agent is back online", agent_id=agent_id
    )
