"""Controllers die or freeze at the worst moment, and others go on."""

import asyncio
from collections.abc import Callable
from functools import partial

from tests.chaos.commits import Moment
from tests.chaos.processes import Member
from tests.chaos.proxy import Act
from tests.chaos.scenario import scenario
from tests.chaos.stage import Stage


async def _killed_at_launches(stage: Stage, moment: Moment, times: int) -> None:
    """The controller that launches is killed at that moment; another one runs; the dead one comes back."""
    for name in ("c1", "c2"):
        await stage.fleet.add_controller(name)
    await stage.fleet.add_agent("a1")
    await stage.pulse()
    await stage.until_witnessed("pulse")
    await stage.sample("before")
    for _ in range(times):
        async with stage.fault("kill", "whoever launches"):
            victim = await _hit(stage, moment, Member.kill, Act.CUT)
            victim.start()
            await stage.fleet.until_ready(victim.name)
    stage.healed()


async def _hit(stage: Stage, moment: Moment, blow: Callable[[Member], None], act: Act) -> Member:
    """Wait until a controller launches runs, and hit it at that moment; which one it was."""
    hit: list[Member] = []

    def strike(victim: Member) -> Act:
        if hit:
            return Act.PASS
        hit.append(victim)
        blow(victim)
        return act

    for name, launches in stage.fleet.launches.items():
        launches.arm(moment, partial(strike, stage.fleet.controllers[name]))
    return await stage.until(lambda: hit[0] if hit else None, "a launch of due jobs")


@scenario(
    "F1",
    "a controller is killed after it committed due runs, before anybody hears of it",
    shows=("G1",),
    is_short=True,
)
async def killed_after_the_commit(stage: Stage) -> None:
    await _killed_at_launches(stage, "after", 2 if stage.is_short else 20)


@scenario(
    "F2", "a controller is killed before it commits due runs, over and over", shows=("G1",), is_short=True
)
async def killed_before_the_commit(stage: Stage) -> None:
    await _killed_at_launches(stage, "before", 2 if stage.is_short else 100)


@scenario("F3", "one of three controllers freezes while it holds due jobs", shows=("G1", "G6"))
async def frozen_with_due_jobs(stage: Stage) -> None:
    """The others fire what it held as soon as the database takes its locks away; thawed, it changes nothing."""
    for name in ("c1", "c2", "c3"):
        await stage.fleet.add_controller(name)
    await stage.fleet.add_agent("a1")
    for n in range(20):
        await stage.pulse(f"every-5-{n}", "*/5 * * * * *")
    await stage.pulse()
    await stage.until_witnessed("pulse")
    await stage.sample("before")
    async with stage.fault("freeze", "whoever launches"):
        victim = await _hit(stage, "before", Member.freeze, Act.PASS)
        await asyncio.sleep(20 if stage.is_short else 60)
        victim.thaw()
    stage.healed()
