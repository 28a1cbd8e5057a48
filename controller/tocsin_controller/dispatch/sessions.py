"""What this controller remembers of each agent between its calls. All of it can be read again."""

import time
from dataclasses import dataclass, field
from uuid import UUID

from tocsin_controller.store.agents import AgentFacts, StoredAgent, load_agent
from tocsin_controller.store.database import Queries
from tocsin_controller.targeting import Routes, routes_of
from tocsin_shared.errors import NotFound

#: A session is read again after this long even when nobody said that it changed.
FRESH_SECS = 10.0
#: At least this often a poll is held against the leases, in case another controller knows more.
AUDIT_EVERY_SECS = 15.0


@dataclass(slots=True)
class AgentSession:
    """One agent, as far as handing it work is concerned."""

    id: UUID
    facts: AgentFacts
    routes: Routes
    incarnation: UUID | None
    key_id: UUID | None
    read_at: float
    #: Handed out in an answer of ours and not yet named by the agent.
    unconfirmed: set[UUID] = field(default_factory=set)
    last_seq: int = 0
    audited_at: float = float("-inf")

    @property
    def is_fresh(self) -> bool:
        """Whether it need not be read again."""
        return time.monotonic() - self.read_at < FRESH_SECS

    def needs_audit(self, seq: int) -> bool:
        """Whether what the agent says must be held against the database before it gets work."""
        return (
            bool(self.unconfirmed)
            or seq != self.last_seq + 1
            or time.monotonic() - self.audited_at > AUDIT_EVERY_SECS
        )

    def expect_audit(self) -> None:
        """Something about the agent changed: the next poll is audited."""
        self.audited_at = float("-inf")


class Sessions:
    """The agents this controller has heard of lately."""

    def __init__(self, db: Queries) -> None:
        self._db = db
        self._known: dict[UUID, AgentSession] = {}

    async def get(self, agent_id: UUID) -> AgentSession:
        """The agent's session, read if need be. Raises NotFound."""
        session = self._known.get(agent_id)
        if session is not None and session.is_fresh:
            return session
        stored = await load_agent(self._db, agent_id)
        if stored is None:
            self._known.pop(agent_id, None)
            raise NotFound(f"there is no agent {agent_id}")
        if session is not None and session.incarnation == stored.incarnation:
            session.facts, session.routes = stored.facts, routes_of(stored.facts)
            session.key_id, session.read_at = stored.key_id, time.monotonic()
            return session
        return self._remember(stored)

    def known(self, agent_id: UUID) -> AgentSession | None:
        """The session if there is one, fresh or not."""
        return self._known.get(agent_id)

    def changed(self, agent_id: UUID) -> None:
        """The agent was registered, removed, or has orders waiting."""
        session = self._known.get(agent_id)
        if session is not None:
            session.read_at = float("-inf")
            session.expect_audit()

    def changed_all(self) -> None:
        """Changes may have been missed."""
        for agent_id in self._known:
            self.changed(agent_id)

    def forget_stale(self) -> None:
        """Drop agents not heard of for a while, so memory follows the fleet."""
        horizon = time.monotonic() - 600
        for agent_id in [i for i, s in self._known.items() if s.read_at < horizon]:
            del self._known[agent_id]

    def _remember(self, stored: StoredAgent) -> AgentSession:
        session = AgentSession(
            id=stored.facts.id,
            facts=stored.facts,
            routes=routes_of(stored.facts),
            incarnation=stored.incarnation,
            key_id=stored.key_id,
            read_at=time.monotonic(),
        )
        self._known[session.id] = session
        return session
