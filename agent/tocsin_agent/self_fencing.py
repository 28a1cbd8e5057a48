"""Ends what the controller will hand to somebody else, before it does (`on_lost: retry`, G3).

The controller counts from when it *received* the last poll or heartbeat, the agent from when it *sent* it, and so
is always the first to run out of time. The clock is the one that goes on while the host sleeps.
"""

import asyncio
from collections.abc import Callable
from uuid import UUID

from tocsin_agent.contact import Contact
from tocsin_agent.journal.journal import Entry, Journal

#: How often the clock is read while something can run out of time. A suspended host does not move the event loop's
#: own clock, so that sleeping until the deadline would be wrong.
LOOK_EVERY_SECS = 0.5


class SelfFencing:
    """`check` is cheap and may be called at any time; `run` calls it often enough."""

    def __init__(
        self,
        journal: Journal,
        contact: Contact,
        kill: Callable[[UUID, float], bool],
        fence_at: Callable[[UUID, float, float], None] = lambda execution_id, uptime_secs, grace_secs: None,
    ) -> None:
        self._journal = journal
        self._contact = contact
        #: Takes (execution, seconds since boot, grace): whoever keeps its process ends it then, were this agent dead.
        self._fence_at = fence_at
        #: Takes (execution, seconds between SIGTERM and SIGKILL); says whether there was something to kill.
        self._kill = kill
        self._fenced: set[UUID] = set()
        contact.before_renewal = self.check

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self.check()
            await asyncio.sleep(LOOK_EVERY_SECS)

    def check(self) -> None:
        """Order the end of everything whose time runs out. An order, once given, is not taken back."""
        at_risk = [(i, e) for i, e in self._journal.entries.items() if _is_at_risk(e)]
        self._fenced.intersection_update(execution_id for execution_id, _ in at_risk)
        if not at_risk:
            return
        silence_secs, last = self._contact.silence_secs(), self._contact.last
        for execution_id, entry in at_risk:
            overdue_secs = silence_secs - (entry.intent.self_fence_secs or 0.0)
            if last is not None and last.is_of_this_boot:
                fence_at_secs = last.uptime_secs + (entry.intent.self_fence_secs or 0.0)
                self._fence_at(execution_id, fence_at_secs, entry.intent.kill_grace_secs)
            if overdue_secs < 0 or execution_id in self._fenced:
                continue
            # The controller reckons with the job's grace, but with no more than that.
            if self._kill(execution_id, max(entry.intent.kill_grace_secs - overdue_secs, 0.0)):
                self._fenced.add(execution_id)


def _is_at_risk(entry: Entry) -> bool:
    return entry.intent.self_fence_secs is not None and entry.result is None
