"""Everything at once, for as long as one likes."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from tests.chaos.proxy import Weather
from tests.chaos.scenario import USUAL, scenario
from tests.chaos.schedule import Kind, Planned, draw
from tests.chaos.stage import Stage

_CONTROLLERS, _AGENTS = ("c1", "c2"), ("a1", "a2", "a3")

KINDS = (
    Kind("kill_controller", _CONTROLLERS, 0.5, 6, weight=3),
    Kind("freeze_controller", _CONTROLLERS, 2, 12, weight=2),
    Kind("kill_agent", _AGENTS, 0.5, 8, weight=3),
    Kind("freeze_agent", _AGENTS, 1, 6),
    Kind("partition", _AGENTS, 2, 18, weight=3),
    Kind("deaf", _AGENTS, 2, 12),
    Kind("mute", _AGENTS, 2, 12),
    Kind("lossy", _AGENTS, 5, 15, weight=2),
    Kind("crash_database", ("database",), 0, 0.5, weight=2),
    Kind("database_away", ("database",), 2, 10),
    Kind("flaky_database", _CONTROLLERS, 3, 10, weight=2),
)


@scenario("MIX", "all kinds of faults, one after another", shows=(), certain=USUAL, lateness_secs=45)
async def mix(stage: Stage) -> None:
    """Two controllers, three agents, jobs of several kinds, calls all the time; the plan follows from the seed."""
    for name in _CONTROLLERS:
        await stage.fleet.add_controller(name)
    for name in _AGENTS:
        await stage.fleet.add_agent(name)
    plan = draw(KINDS, stage.meta.seed, stage.mix_secs)
    for one in plan:
        print(f"       {one.after_secs:6.1f} s  {one.kind} {one.target} for {one.for_secs} s")
    await _workload(stage)
    await stage.until_witnessed("pulse")
    await stage.sample("before")
    asking = asyncio.create_task(_ask(stage))
    began = time.monotonic()
    try:
        for one in plan:
            await asyncio.sleep(max(began + one.after_secs - time.monotonic(), 0))
            async with stage.fault(one.kind, one.target), _broken(stage, one):
                await asyncio.sleep(one.for_secs)
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    stage.healed()


async def _workload(stage: Stage) -> None:
    await stage.pulse()
    await stage.pulse("single", "*/2 * * * * *", secs=1, max_concurrent=1)
    await stage.pulse("all-missed", "*/3 * * * * *", catchup="all")
    await stage.pulse(
        "repeated", "*/7 * * * * *", secs=3, on_lost="retry", lost_after_secs=12, kill_grace_secs=1
    )
    await stage.job("fails", 0.5, 3, retry_max=1)
    await stage.job("asked-for", 1.5)


async def _ask(stage: Stage) -> None:
    """Calls of people, all the time; each with a key of its own, so that repeating it is safe."""
    client = stage.fleet.client
    count = 0
    while True:
        count += 1
        await client.trigger(
            stage.random.choice(("asked-for", "fails")), idempotency_key=f"{stage.meta.seed}-{count}"
        )
        if count % 10 == 0:
            await _come_and_go(stage, f"guest-{count}")
        await asyncio.sleep(stage.random.uniform(0.5, 1.5))


async def _come_and_go(stage: Stage, name: str) -> None:
    """A job that somebody creates and soon deletes."""
    await stage.job(name, 0.1, schedule={"type": "cron", "value": "* * * * * *"})
    await asyncio.sleep(stage.random.uniform(1, 4))
    for _ in range(20):
        if (await stage.fleet.client.delete(name)).outcome in ("ok", "fail"):
            return
        await asyncio.sleep(0.5)


@asynccontextmanager
async def _broken(stage: Stage, one: Planned) -> AsyncIterator[None]:
    fleet = stage.fleet
    async with contextlib.AsyncExitStack() as repairs:
        match one.kind:
            case "kill_controller":
                repairs.push_async_callback(
                    _back, fleet.controllers[one.target].start, one.target, fleet.until_ready
                )
                fleet.controllers[one.target].kill()
            case "freeze_controller":
                repairs.callback(fleet.controllers[one.target].thaw)
                fleet.controllers[one.target].freeze()
            case "kill_agent":
                repairs.callback(fleet.agents[one.target].start)
                fleet.agents[one.target].kill()
            case "freeze_agent":
                repairs.callback(fleet.agents[one.target].thaw)
                fleet.agents[one.target].freeze()
            case "partition" | "deaf" | "mute":
                repairs.callback(fleet.agent_links[one.target].heal)
                fleet.agent_links[one.target].hang(*{"deaf": ("down",), "mute": ("up",)}.get(one.kind, ()))
            case "lossy":
                repairs.callback(fleet.agent_links[one.target].heal)
                fleet.agent_links[one.target].weather = Weather(0.02, 0.3, cut_chance=0.1)
            case "flaky_database":
                repairs.callback(fleet.database_links[one.target].heal)
                fleet.database_links[one.target].weather = Weather(cut_chance=0.02)
            case "crash_database":
                await asyncio.to_thread(fleet.database.pg_ctl, "restart", "-m", "immediate")
            case "database_away":
                repairs.push_async_callback(asyncio.to_thread, fleet.database.pg_ctl, "start")
                await asyncio.to_thread(fleet.database.pg_ctl, "stop", "-m", "immediate")
        yield


async def _back(start: Callable[[], None], name: str, until_ready: Callable[[str], Awaitable[None]]) -> None:
    start()
    await until_ready(name)
