"""A run on every host: from the trigger to the last recorded result."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.bench.figures import Figure
from tests.bench.world import World
from tocsin_shared.ids import new_id

HOSTS = 1_000


@dataclass
class Hand:
    """An agent spoken by hand: it takes what it gets and reports at once that it succeeded."""

    world: World
    http: aiohttp.ClientSession
    id: str
    incarnation: str

    async def work(self) -> None:
        """Until cancelled."""
        seq = 0
        while True:
            seq += 1
            body = {"incarnation": self.incarnation, "seq": seq, "wait_secs": 30, "slots": 4, "running": []}
            answer = await self._post(f"/api/agent-queue/{self.id}/next", body)
            events: list[dict[str, Any]] = []
            for one in answer["executions"]:
                key = {"execution_id": one["execution_id"], "fence": one["fence"]}
                events.append({"type": "started", "seq": 1, **key})
                events.append({"type": "result", "seq": 2, "status": "succeeded", "exit_code": 0, **key})
            if events:
                await self._post(f"/api/agents/{self.id}/events", {"events": events})

    async def _post(self, path: str, body: dict[str, Any]) -> Any:
        async with self.http.post(self.world.url + path, json=body) as answer:
            answer.raise_for_status()
            return await answer.json()


async def all_hosts(world: World) -> list[Figure]:
    """A thousand agents (fewer at a smaller scale), at once and in batches of a quarter."""
    count = max(int(HOSTS * world.scale), 50)
    headers = {"Authorization": "Bearer bench-agent"}
    async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=0)) as http:
        gate = asyncio.Semaphore(50)
        hands = await asyncio.gather(*(_register(world, http, gate, n) for n in range(count)))
        async with asyncio.TaskGroup() as group:
            working = [group.create_task(hand.work()) for hand in hands]
            await asyncio.sleep(3)
            budget = "1,000 hosts: ≤ 3 s" if world.scale >= 1 else None
            figures = [
                Figure(f"all on {count:,} hosts, at once", await _took(world, count, None), None, budget),
                Figure(
                    f"all on {count:,} hosts, in four batches",
                    await _took(world, count, {"batch": "25%"}),
                    None,
                ),
            ]
            for task in working:
                task.cancel()
    return figures


async def _took(world: World, count: int, rollout: dict[str, Any] | None) -> str:
    """Seconds until everything of a run is recorded; the middle one of three runs."""
    body = {
        "name": f"everywhere-{new_id()}",
        "task": {"type": "noop"},
        "schedule": "on_demand",
        "target": {"type": "all"},
        "rollout": rollout,
    }
    job = await world.call("POST", "/api/jobs", body)
    ended = "SELECT count(*) FROM runs WHERE status = 'succeeded'"
    before = await world.db.fetchval(ended)
    samples: list[float] = []
    cpu = world.controller.cpu_times()
    for _ in range(3):
        began = time.monotonic()
        await world.call("POST", f"/api/jobs/{job['id']}/trigger")
        await world.eventually(ended, at_least=before + len(samples) + 1)
        samples.append(time.monotonic() - began)
    after = world.controller.cpu_times()
    each = (after.user + after.system - cpu.user - cpu.system) * 1000 / len(samples) / count
    of_it = ", ".join(f"{secs:.2f}" for secs in samples)
    return f"{sorted(samples)[1]:.2f} s ({of_it}); {each:.1f} ms of the controller's processor time a host"


async def _register(world: World, http: aiohttp.ClientSession, gate: asyncio.Semaphore, n: int) -> Hand:
    incarnation = str(new_id())
    body = {
        "name": f"host-{n:05}",
        "tags": ["fleet"],
        "task_types": ["noop"],
        "protocol": 1,
        "incarnation": incarnation,
        "capacity": 4,
    }
    async with gate, http.post(f"{world.url}/api/agents/register", json=body) as answer:
        answer.raise_for_status()
        return Hand(world, http, (await answer.json())["agent_id"], incarnation)
