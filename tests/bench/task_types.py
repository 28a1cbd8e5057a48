"""Per type of task: executions a second on one agent, and what its driver takes of the agent's memory."""

import asyncio
import logging
from contextlib import ExitStack
from typing import Any

import psutil
import pytest
from rich.console import Console

from tests.bench.figures import Figure
from tests.bench.task_rows import ROWS, Row, Start
from tests.bench.world import World
from tocsin_agent.tasks.registry import TaskRegistry

console = Console(stderr=True, highlight=False)

MEBIBYTE = 1024 * 1024
#: So many run at once on the agent.
CAPACITY = 8
_TRIGGERS_AT_ONCE = 16
#: An agent that has just started is left alone for so long before its memory is read.
_SETTLE_SECS = 2.0
_END_SECS = 180.0

#: Of the executions of one job: how many a second ended, from the first start to the last end.
RATE = """
SELECT count(*) FILTER (WHERE status = 'succeeded') AS succeeded,
    extract(epoch FROM max(finished_at) - min(started_at))::float8 AS secs,
    min(reason) FILTER (WHERE status <> 'succeeded') AS reason,
    min(message) FILTER (WHERE status <> 'succeeded') AS message
FROM executions WHERE job_id = $1
"""


class _Absent(Exception):
    """This can't be measured here; the message says why."""


class Servers:
    """Started when the first row asks, one of each; gone with the scenario."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._running: dict[Start, Any] = {}

    def of(self, start: Start) -> Any:
        """What there is to know of it. Raises Absent when its program is not installed."""
        if start not in self._running:
            try:
                self._running[start] = self._stack.enter_context(start())
            except (pytest.skip.Exception, pytest.fail.Exception) as error:
                raise _Absent(str(error)) from None
        return self._running[start]


async def every_type(world: World) -> list[Figure]:
    """Each on an agent of its own, so that none finds another's driver loaded."""
    count = max(int(1_000 * world.scale), 50)
    offered = TaskRegistry().available()
    figures: list[Figure] = []
    logging.disable(logging.INFO)  # servers in this process tell of every request
    with ExitStack() as stack:
        servers = Servers(stack)
        for row in ROWS:
            try:
                figures.append(await _measure(world, row, servers, count, offered))
            except Exception as error:  # noqa: BLE001  one type must not cost the others
                measured = str(error) if isinstance(error, _Absent) else f"failed: {error!r}"
                figures.append(Figure(row.what, measured[:200], None))
            console.print(f"[dim]  {figures[-1].what}: {figures[-1].measured}[/]")
    measured_types = {row.what.partition(":")[0] for row in ROWS}
    figures += [Figure(name, "has no row yet", None) for name in offered if name not in measured_types]
    return figures


async def _measure(world: World, row: Row, servers: Servers, count: int, offered: list[str]) -> Figure:
    task_type = row.what.partition(":")[0]
    if task_type not in offered:
        raise _Absent("not installed here")
    server = None if row.server is None else servers.of(row.server)
    task = {"type": task_type, **row.task(server, world)}
    name = "bench-" + "".join(c if c.isalnum() else "-" for c in row.what)
    if row.connection is not None:
        conn_type, config = row.connection(server, world)
        await world.call("POST", "/api/connections", {"name": name, "conn_type": conn_type, "config": config})
        task["connection"] = name
    if row.fill is not None:
        await row.fill(server, world, count)
    settings = {} if row.settings is None else row.settings(server)
    (agent,) = await world.start_agents(1, capacity=CAPACITY, more=settings)
    # By id: the agent of the row before may still look as if it waited.
    newest = max(await world.call("GET", "/api/agents"), key=lambda one: str(one["registered_at"]))
    target = {"type": "agent", "agent_id": newest["id"]}
    try:
        measured, rate = await _drain(world, name, task, target, agent, count)
        return Figure(row.what, measured, rate)
    finally:
        agent.terminate()
        await asyncio.to_thread(world.processes[-1].wait)


async def _drain(
    world: World, name: str, task: Any, target: Any, agent: psutil.Process, count: int
) -> tuple[str, float]:
    job: dict[str, Any] = {
        "name": name,
        "task": task,
        "schedule": {"type": "on_demand"},
        "target": target,
    }
    job_id = (await world.call("POST", "/api/jobs", job))["id"]
    await asyncio.sleep(_SETTLE_SECS)
    before = agent.memory_info().rss
    gate = asyncio.Semaphore(_TRIGGERS_AT_ONCE)

    async def trigger() -> None:
        async with gate:
            await world.call("POST", f"/api/jobs/{job_id}/trigger")

    await asyncio.gather(*(trigger() for _ in range(count)))
    done = f"SELECT count(*) FROM executions WHERE finished_at IS NOT NULL AND job_id = '{job_id}'"  # noqa: S608  an id that the database made
    await world.eventually(done, at_least=count, timeout_secs=_END_SECS)
    found = await world.db.fetchrow(RATE, job_id)
    if found["succeeded"] < count:
        raise RuntimeError(f"{count - found['succeeded']} of {count}: {found['reason']}: {found['message']}")
    after = agent.memory_info().rss
    rate = count / found["secs"]
    memory = f"{before / MEBIBYTE:.0f} → {after / MEBIBYTE:.0f} MB"
    return f"{rate:,.0f}/s, {CAPACITY} at once; agent {memory}", rate
