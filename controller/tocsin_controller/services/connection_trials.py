"""Trying a connection from this controller's host, or from that of an agent."""

import asyncio
from dataclasses import asdict
from typing import Any, Final

from tocsin_agent.connecting.process import try_in_process
from tocsin_controller.dispatch.trials import LONGEST_SECS, TrialDesk, as_sentence
from tocsin_controller.security.using_connections import Given
from tocsin_controller.security.values import Unfilled
from tocsin_controller.services.show import as_uuid
from tocsin_controller.store import roster
from tocsin_controller.store.database import Queries
from tocsin_shared.errors import Conflict, NotFound, Unavailable
from tocsin_shared.network import Reach

#: At once, in one controller, from its own host.
MOST_AT_ONCE: Final = 4


class ConnectionTrials:
    """Tries connections from here: a process of its own for each, few at once, never for long."""

    def __init__(self, reach: Reach, *, longest_secs: float = LONGEST_SECS) -> None:
        self._reach = reach
        self._longest_secs = longest_secs
        self._places = asyncio.Semaphore(MOST_AT_ONCE)

    async def attempt(self, connection: Given | Unfilled) -> dict[str, Any]:
        """`success`, and a `message` without secrets. Raises Unavailable when too many are being tried."""
        if isinstance(connection, Unfilled):
            return {"success": False, "message": as_sentence(connection.message), "agent": None}
        try:
            async with asyncio.timeout(self._longest_secs):
                await self._places.acquire()
        except TimeoutError:
            raise Unavailable(
                f"{MOST_AT_ONCE} connections are being tried already; try again shortly"
            ) from None
        try:
            tried = await try_in_process(
                connection.connection, reach=self._reach, timeout_secs=self._longest_secs
            )
        finally:
            self._places.release()
        return {**asdict(tried), "agent": None}


class TrialsByAgents:
    """Has agents try connections."""

    def __init__(self, db: Queries, desk: TrialDesk) -> None:
        self._db = db
        self._desk = desk

    async def attempt(self, connection: str, agent_ref: str) -> dict[str, Any]:
        """The same answer. Raises NotFound, Conflict for an agent that can't, Unavailable, NoAnswer."""
        agent = await roster.agent(self._db, as_uuid(agent_ref) or agent_ref)
        if agent is None:
            raise NotFound(f"there is no agent '{agent_ref[:100]}'")
        name = agent["name"]
        if agent["agent_type"] == "custom":
            raise Conflict(f"agent '{name}' only runs tasks of its own, and knows nothing of connections")
        if agent["status"] == "offline":
            raise Conflict(f"agent '{name}' is offline")
        tried = await self._desk.attempt(agent["id"], name, connection)
        return {"success": tried.success, "message": tried.message, "agent": name}
