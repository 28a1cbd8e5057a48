"""Questions that people ask about agents."""

from uuid import UUID

from tocsin_controller.store.database import Queries, Record
from tocsin_controller.store.statements import sql

_LIST_AGENTS = sql("list_agents")
_AGENT_BY_ID = sql("agent_by_id")
_AGENT_BY_NAME = sql("agent_by_name")
_LEASES_OF_AGENT = sql("leases_of_agent")
_CANDIDATES = sql("candidates")


async def list_agents(db: Queries) -> list[Record]:
    """Agents by name; those inside controllers are not shown."""
    return await db.fetch(_LIST_AGENTS)


async def agent(db: Queries, ref: UUID | str) -> Record | None:
    """One agent, by id or exact name."""
    return await db.fetchrow(_AGENT_BY_ID if isinstance(ref, UUID) else _AGENT_BY_NAME, ref)


async def leases_of_agent(db: Queries, agent_id: UUID) -> list[Record]:
    """What an agent runs now."""
    return await db.fetch(_LEASES_OF_AGENT, agent_id)


async def candidates(db: Queries) -> list[Record]:
    """Every agent with how much it has, those inside controllers too."""
    return await db.fetch(_CANDIDATES)
