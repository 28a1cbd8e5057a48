"""Questions about agents: registration, liveness, removal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from tocsin_controller.store.database import Queries, Record
from tocsin_controller.store.statements import sql

_AGENT_FACTS = sql("agent_facts")
_AGENT_SESSION = sql("agent_session")
_AGENT_FOR_REGISTRATION = sql("agent_for_registration")
_NOTE_CLONE = sql("note_clone")
_INSERT_AGENT = sql("insert_agent")
_UPDATE_AGENT = sql("update_agent")
_SET_AGENT_KEY = sql("set_agent_key")
_HAS_CREDENTIAL = sql("has_credential")
_AGENTS_SEEN = sql("agents_seen")
_SUPERSEDED = sql("superseded")
_AGENTS_GONE_SILENT = sql("agents_gone_silent")
_DELETE_AGENT = sql("delete_agent")
_SET_CUSTOM_TASK_TYPES = sql("set_custom_task_types")
_FORGET_LOCAL_AGENTS = sql("forget_local_agents")


@dataclass(frozen=True, slots=True)
class AgentFacts:
    """What decides whether an agent is eligible."""

    id: UUID
    name: str
    agent_type: str
    status: str
    tags: frozenset[str]
    task_types: frozenset[str]

    @property
    def runs(self) -> frozenset[str]:
        """Task types it takes without being named: third-party agents get custom tasks only."""
        return frozenset({"custom"}) if self.agent_type == "custom" else self.task_types - {"custom"}


@dataclass(frozen=True, slots=True)
class StoredAgent:
    """An agent as far as handing it work is concerned."""

    facts: AgentFacts
    incarnation: UUID | None
    key_id: UUID | None


@dataclass(frozen=True, slots=True)
class RegisteredAgent:
    """An agent whose registration is being settled; its row is locked."""

    id: UUID
    name: str
    agent_type: str
    key_id: UUID | None
    incarnation: UUID | None
    status: str
    #: What its state directory was marked with; None when it never was.
    state_mark: UUID | None


@dataclass(frozen=True, slots=True)
class Introduction:
    """What an agent says of itself at registration."""

    name: str
    agent_type: str
    tags: list[str]
    task_types: list[str]
    hostname: str
    address: str
    port: int
    capacity: int
    version: str | None
    protocol: int | None
    incarnation: UUID | None
    system_info: dict[str, Any] | None
    #: What its state directory is marked with from now on.
    state_mark: UUID | None = None
    #: What a third-party agent can do, by its own word.
    declared_task_types: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Seen:
    """An agent was heard of; None means it said nothing about that."""

    status: str | None = None
    load: Mapping[str, float] | None = None
    spool: Mapping[str, float] | None = None


async def load_agent_facts(session: Queries) -> list[AgentFacts]:
    """Every agent, by name."""
    return [_facts(row) for row in await session.fetch(_AGENT_FACTS)]


async def load_agent(session: Queries, agent_id: UUID) -> StoredAgent | None:
    """One agent."""
    row = await session.fetchrow(_AGENT_SESSION, agent_id)
    if row is None:
        return None
    return StoredAgent(_facts(row), row["incarnation"], row["key_id"])


async def superseded(session: Queries, processes: Sequence[tuple[UUID, UUID | None]]) -> set[int]:
    """The places of those of these (agent, incarnation) that a newer process of the agent has taken the place of."""
    rows = await session.fetch(
        _SUPERSEDED, [agent_id for agent_id, _ in processes], [incarnation for _, incarnation in processes]
    )
    return {row["number"] - 1 for row in rows}


async def lock_agent(session: Queries, *, agent_id: UUID | None, name: str) -> RegisteredAgent | None:
    """The agent with this id, or without an id the one with this name, locked."""
    row = await session.fetchrow(_AGENT_FOR_REGISTRATION, agent_id, name)
    return RegisteredAgent(**row) if row else None


async def insert_agent(
    session: Queries, agent_id: UUID, who: Introduction, key_id: UUID | None, lease_secs: float
) -> bool:
    """A new agent; False when the name was taken in the meantime."""
    return await session.fetchval(_INSERT_AGENT, *_values(agent_id, who, key_id, lease_secs)) is not None


async def update_agent(
    session: Queries, agent_id: UUID, who: Introduction, key_id: UUID | None, lease_secs: float
) -> None:
    """A known agent introduces itself again."""
    await session.execute(_UPDATE_AGENT, *_values(agent_id, who, key_id, lease_secs))


async def note_clone(session: Queries, agent_id: UUID, mark: UUID) -> bool:
    """A copy of the agent's state directory showed this older mark; False when that was known."""
    return await session.fetchval(_NOTE_CLONE, agent_id, mark) is not None


async def set_agent_key(session: Queries, agent_id: UUID, key_id: UUID) -> None:
    """From now on this key speaks for the agent."""
    await session.execute(_SET_AGENT_KEY, agent_id, key_id)


async def credential_of(session: Queries, agent_id: UUID, key_hash: bytes) -> UUID | None:
    """The key id of the agent's own credential, if that is what was shown."""
    key_id: UUID | None = await session.fetchval(_HAS_CREDENTIAL, agent_id, key_hash)
    return key_id


async def note_seen(session: Queries, seen: Mapping[UUID, Seen], lease_secs: float) -> list[UUID]:
    """Renew the leases of agents; those that had been offline."""
    ids = sorted(seen)
    rows = await session.fetch(
        _AGENTS_SEEN,
        ids,
        [seen[i].status for i in ids],
        [_plain(seen[i].load) for i in ids],
        [_plain(seen[i].spool) for i in ids],
        lease_secs,
    )
    return [row["id"] for row in rows]


async def take_silent(session: Queries) -> list[tuple[UUID, str, str]]:
    """Agents that just became offline: id, name, type."""
    return [(r["id"], r["name"], r["agent_type"]) for r in await session.fetch(_AGENTS_GONE_SILENT)]


async def delete_agent(session: Queries, agent_id: UUID) -> str | None:
    """Unpair; the agent's name, or None when there was none."""
    name: str | None = await session.fetchval(_DELETE_AGENT, agent_id)
    return name


async def set_custom_task_types(
    session: Queries, agent_id: UUID, task_types: Sequence[dict[str, Any]]
) -> bool:
    """Keep what people said a third-party agent can do; False when there is no such agent."""
    return await session.fetchval(_SET_CUSTOM_TASK_TYPES, agent_id, list(task_types)) is not None


async def forget_local_agents(session: Queries) -> int:
    """Remove the traces of controllers that went away long ago."""
    return await session.execute(_FORGET_LOCAL_AGENTS)


def _facts(row: Record) -> AgentFacts:
    return AgentFacts(
        row["id"],
        row["name"],
        row["agent_type"],
        row["status"],
        frozenset(row["tags"]),
        frozenset(row["task_types"]),
    )


def _plain(figures: Mapping[str, float] | None) -> dict[str, float] | None:
    return dict(figures) if figures is not None else None


def _values(agent_id: UUID, who: Introduction, key_id: UUID | None, lease_secs: float) -> tuple[Any, ...]:
    return (
        agent_id,
        who.name,
        who.agent_type,
        who.tags,
        who.task_types,
        who.hostname,
        who.address,
        who.port,
        who.capacity,
        who.version,
        who.protocol,
        who.incarnation,
        key_id,
        who.system_info,
        lease_secs,
        who.state_mark,
        who.declared_task_types,
    )
