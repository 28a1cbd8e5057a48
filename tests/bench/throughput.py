"""How many executions a second go from due to a stored result."""

import asyncio

from tests.bench.figures import Figure, percentile
from tests.bench.load import store_interval_jobs
from tests.bench.world import World

NOOP = {"type": "noop"}
TRUE = {"type": "shell", "command": "true"}


async def noop_sixteen_per_poll(world: World) -> list[Figure]:
    """No-op executions, eight agents taking up to sixteen a poll."""
    await world.start_agents(8, capacity=256, max_batch=16)
    figures = []
    for offered in (1_000, 2_000, 3_000, 4_000):
        figure = await _sustained(world, offered, NOOP, "no-op, 16 a poll", "≥ 3,000/s, p99 ≤ 500 ms")
        figures.append(figure)
        if figure.rate is not None and figure.rate < offered * 0.95:
            break
    return figures


async def noop_one_per_poll(world: World) -> list[Figure]:
    """No-op executions, one a poll, over eight agents."""
    await world.start_agents(8, capacity=16, max_batch=1)
    return [await _sustained(world, n, NOOP, "no-op, 1 a poll", "≥ 1,000/s") for n in (500, 1_000)]


async def shell_true(world: World) -> list[Figure]:
    """Real processes, two agents."""
    await world.start_agents(2, capacity=32)
    return [await _sustained(world, n, TRUE, "shell `true`, 2 agents", "≥ 300/s") for n in (200, 300)]


async def _sustained(world: World, offered: int, task: dict[str, str], what: str, budget: str) -> Figure:
    """Jobs that fire every second, evenly spread over it, so that `offered` executions a second come due."""
    await world.db.execute("DELETE FROM timers; TRUNCATE runs, executions, queue, events, execution_output")
    await store_interval_jobs(world, offered, every_secs=1, task=task)
    await asyncio.sleep(4)
    window = "SELECT count(*) FROM executions WHERE status = 'succeeded'"
    before, began = await world.db.fetchval(window), asyncio.get_running_loop().time()
    await asyncio.sleep(world.secs)
    after, ended = await world.db.fetchval(window), asyncio.get_running_loop().time()
    rate = (after - before) / (ended - began)
    samples = await world.db.fetch(
        "SELECT extract(epoch FROM finished_at - scheduled_for)::float8 AS secs FROM runs "
        "WHERE status = 'succeeded' ORDER BY id DESC LIMIT 50000"
    )
    skipped = await world.db.fetchval("SELECT count(*) FROM runs WHERE status = 'skipped'")
    late = [row["secs"] for row in samples]
    p50, p99 = percentile(late, 0.5) * 1000, percentile(late, 0.99) * 1000
    missed = f", {skipped} missed" if skipped else ""
    measured = f"{rate:,.0f}/s; due to result p50 {p50:.0f} ms, p99 {p99:.0f} ms{missed}"
    await world.db.execute("DELETE FROM timers")
    await asyncio.sleep(1)
    return Figure(f"{what}, {offered:,}/s offered", measured, rate, budget)
