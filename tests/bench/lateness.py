"""How late things start."""

import asyncio

from tests.bench.figures import Figure, spread
from tests.bench.load import store_interval_jobs
from tests.bench.throughput import TRUE
from tests.bench.world import World

LATE = (
    "SELECT extract(epoch FROM started_at - scheduled_for)::float8 AS secs FROM runs "
    "WHERE started_at IS NOT NULL AND scheduled_for IS NOT NULL ORDER BY id DESC LIMIT 20000"
)


async def due_to_start(world: World) -> list[Figure]:
    """100 shell jobs a second: from the due instant to the start of the process on the agent."""
    await world.start_agents(2, capacity=32)
    return [await _hundred_a_second(world, "due → process start, 100/s")]


async def with_many_stored_jobs(world: World) -> list[Figure]:
    """The same with a million jobs stored whose time has not come."""
    stored = int(1_000_000 * world.scale)
    await world.start_agents(2, capacity=32)
    await store_interval_jobs(world, stored, every_secs=86_400, task=TRUE, first_in_secs=80_000)
    await world.db.execute("ANALYZE")
    return [await _hundred_a_second(world, f"the same with {stored:,} jobs stored")]


async def trigger_to_start(world: World) -> list[Figure]:
    """POST trigger, one at a time: from the request to the start of the process."""
    await world.start_agents(1, capacity=32)
    body = {"name": "manual", "task": TRUE, "schedule": {"type": "on_demand"}, "target": {"type": "any"}}
    job = await world.call("POST", "/api/jobs", body)
    for _ in range(200):
        await world.call("POST", f"/api/jobs/{job['id']}/trigger")
        await asyncio.sleep(0.02)
    await world.eventually("SELECT count(*) FROM executions WHERE status = 'succeeded'", at_least=200)
    rows = await world.db.fetch(
        "SELECT extract(epoch FROM e.started_at - r.created_at)::float8 AS secs "
        "FROM executions AS e JOIN runs AS r ON r.id = e.run_id ORDER BY e.id OFFSET 20"
    )
    measured = spread([row["secs"] for row in rows])
    return [Figure("manual trigger → process start", measured, None, "p50 ≤ 10 ms")]


async def _hundred_a_second(world: World, what: str) -> Figure:
    await store_interval_jobs(world, 1_000, every_secs=10, task=TRUE, first_in_secs=2)
    await asyncio.sleep(4 + world.secs)
    samples = [row["secs"] for row in await world.db.fetch(LATE)]
    return Figure(what, spread(samples[: int(100 * world.secs)]), None, "p50 ≤ 10 ms, p99 ≤ 50 ms")
