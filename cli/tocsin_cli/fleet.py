"""What `tocsin top` shows, as plain data fetched in one go."""

import asyncio
from dataclasses import dataclass
from typing import Any

from tocsin_cli.client import Client
from tocsin_cli.output.agents import running_count
from tocsin_cli.paging import first_rows

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fleet:
    """The fleet at one moment."""

    agents: list[Json]
    running: list[Json]
    running_total: int
    waiting_total: int
    #: The newest executions that have ended.
    finished: list[Json]

    @property
    def online(self) -> list[Json]:
        """Agents that are heard of."""
        return [agent for agent in self.agents if agent["status"] != "offline"]

    @property
    def slots(self) -> tuple[int, int]:
        """Taken and there, on all agents that are heard of."""
        taken = sum(running_count(agent) or 0 for agent in self.online)
        return taken, sum(agent.get("capacity") or 0 for agent in self.online)


async def look_at_fleet(api: Client, *, rows: int) -> Fleet:
    """At most `rows` of each kind of execution. Raises Failure."""
    agents, running, waiting, newest = await asyncio.gather(
        api.get("/api/agents"),
        api.get("/api/executions", {"status": "running", "per_page": min(rows, 100)}),
        api.get("/api/executions", {"status": "pending", "per_page": 1}),
        first_rows(api, "/api/executions", {}, limit=100),
    )
    finished = [one for one in newest if one["finished_at"]]
    finished.sort(key=lambda one: str(one["finished_at"]), reverse=True)
    return Fleet(agents, running["data"], running["total"], waiting["total"], finished[:rows])
