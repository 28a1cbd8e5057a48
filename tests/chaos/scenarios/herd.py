"""A whole fleet comes back in the same moment."""

import asyncio

from tests.chaos.fleet import ENROLMENT
from tests.chaos.herd import Herd
from tests.chaos.proxy import Proxy
from tests.chaos.scenario import scenario
from tests.chaos.stage import Stage, on

_AGENTS = 200
_ANSWERED_SECS = 2.0


@scenario("F19", "two hundred agents reconnect at once", shows=("G10",), lateness_secs=10)
async def two_hundred_reconnect(stage: Stage) -> None:
    """They are heard within 2 seconds, nobody is refused rudely, and due jobs stay on time."""
    await stage.fleet.add_controller("c1")
    await stage.fleet.add_agent("a1")
    await stage.pulse(target=on("a1"))
    async with Proxy(stage.fleet.balancer.port, seed=stage.meta.seed) as link:
        herd = Herd(f"http://127.0.0.1:{link.port}", ENROLMENT, _AGENTS)
        living = asyncio.create_task(herd.run())
        await stage.until(lambda: herd.registered == _AGENTS, "every agent registered", secs=60)
        await asyncio.sleep(2)
        await stage.sample("before")
        async with stage.fault("away", "200 agents"):
            link.refuse()
            await asyncio.sleep(8 if stage.is_short else 30)
            link.heal()
        stage.healed()
        herd.took_secs.clear()
        await stage.until(lambda: len(herd.took_secs) >= 2 * _AGENTS, "two heartbeats of each", secs=30)
        slowest = sorted(herd.took_secs)[int(0.99 * len(herd.took_secs)) - 1]
        stage.expect(slowest < _ANSWERED_SECS, f"1 % of the heartbeats took longer than {slowest:.1f} s")
        stage.expect(not herd.rude, f"{len(herd.rude)} answers of 500 and above came without Retry-After")
        living.cancel()
        await asyncio.gather(living, return_exceptions=True)
