"""What an idle fleet costs the controller, and an idle agent its host."""

import asyncio

import aiohttp
import psutil

from tests.bench.figures import Figure
from tests.bench.world import World
from tocsin_shared.ids import new_id

MEBIBYTE = 1024 * 1024


async def parked_polls(world: World) -> list[Figure]:
    """Agents that only wait: native polls parked on one controller, spoken by hand, without a heartbeat."""
    count = int(10_000 * max(world.scale, 0.5))
    before = world.controller.memory_info().rss
    headers = {"Authorization": "Bearer bench-agent"}
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(headers=headers, connector=connector) as http:
        gate = asyncio.Semaphore(50)
        agents = await asyncio.gather(*(_register(world, http, gate, n) for n in range(count)))
        polls = [asyncio.create_task(_park(world, http, *agent)) for agent in agents]
        await asyncio.sleep(10)
        busy = world.controller.cpu_times()
        await asyncio.sleep(8)
        idle = world.controller.cpu_times()
        rss = world.controller.memory_info().rss
        for poll in polls:
            poll.cancel()
        await asyncio.gather(*polls, return_exceptions=True)
    cpu = (idle.user + idle.system - busy.user - busy.system) / 8 * 100
    measured = f"{rss / MEBIBYTE:.0f} MB (+{(rss - before) / MEBIBYTE:.0f}), {cpu:.1f} % of a core"
    return [Figure(f"{count:,} idle polls parked", measured, None, "10,000: ≤ 300 MB, ≤ 5 %")]


async def one_agent(world: World) -> list[Figure]:
    """A real agent with nothing to do."""
    (agent,) = await world.start_agents(1)
    await asyncio.sleep(30)  # longer than a poll: an empty answer has come, too
    before = agent.cpu_times()
    await asyncio.sleep(20)
    after = agent.cpu_times()
    cpu = (after.user + after.system - before.user - before.system) / 20 * 100
    measured = f"{_own_memory(agent) / MEBIBYTE:.0f} MB, {cpu:.2f} % of a core"
    return [Figure("one idle agent", measured, None, "≤ 45 MB, ≤ 0.2 %")]


def _own_memory(process: psutil.Process) -> int:
    return int(process.memory_info().rss)


async def _register(
    world: World, http: aiohttp.ClientSession, gate: asyncio.Semaphore, n: int
) -> tuple[str, str]:
    incarnation = str(new_id())
    body = {
        "name": f"idle-{n}",
        "tags": ["idle"],
        "task_types": ["shell", "http", "noop"],
        "protocol": 1,
        "incarnation": incarnation,
        "capacity": 4,
    }
    async with gate, http.post(f"{world.url}/api/agents/register", json=body) as answer:
        answer.raise_for_status()
        return (await answer.json())["agent_id"], incarnation


async def _park(world: World, http: aiohttp.ClientSession, agent_id: str, incarnation: str) -> None:
    seq = 0
    while True:
        seq += 1
        body = {"incarnation": incarnation, "seq": seq, "wait_secs": 60, "slots": 4, "running": []}
        async with http.post(f"{world.url}/api/agent-queue/{agent_id}/next", json=body) as answer:
            await answer.read()
