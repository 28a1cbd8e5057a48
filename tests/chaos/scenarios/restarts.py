"""Controllers and agents are restarted in good order, also as another release: nothing is interrupted."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.chaos.processes import BIN, Member
from tests.chaos.scenario import USUAL, scenario
from tests.chaos.stage import NotSeen, Stage, on

_AGENTS = ("a1", "a2")
#: Longer than agents of both releases are served, so that each restart of its agent hands it over.
_LONG_SECS = 60.0


@scenario(
    "F24",
    "controllers and agents are restarted one after the other under load",
    shows=("G1", "G4", "G5"),
    certain=USUAL,
)
async def rolling_restart(stage: Stage) -> None:
    """In good order and one at a time: no run is interrupted, no call that is repeated once is lost."""
    for name in ("c1", "c2"):
        await stage.fleet.add_controller(name)
    for name in _AGENTS:
        await stage.fleet.add_agent(name)
    await stage.pulse()
    await stage.until_witnessed("pulse")
    await stage.sample("before")
    async with _asked(stage):
        for _ in range(1 if stage.is_short else 3):
            for member in _members(stage):
                await _restart(stage, member)
                await asyncio.sleep(1)
    stage.healed()
    await _expect_no_failure(stage)


@scenario(
    "F24b",
    "an older release is replaced by this one, host by host, and comes back",
    shows=("G1", "G4", "G5"),
    certain=USUAL,
    needs_older=True,
)
async def two_releases(stage: Stage) -> None:
    """Agents of both releases work for controllers of both, on the schema of the newer one; jobs that run go on."""
    if stage.older is None:
        raise NotSeen("an older release")
    for name in ("c1", "c2"):
        await stage.fleet.add_controller(name, programs=stage.older)
    for name in _AGENTS:
        await stage.fleet.add_agent(name, programs=stage.older, stop="handover")
        await stage.pulse(f"pulse-{name}", target=on(name))
        await stage.until_witnessed(f"pulse-{name}")
    await stage.sample("before")
    async with _asked(stage):
        for programs in (BIN, stage.older):
            running = {
                name: await stage.start(f"long-{programs == BIN}-{name}", _LONG_SECS, 3, target=on(name))
                for name in _AGENTS
            }
            for member in _members(stage):
                member.programs = programs
                await _restart(stage, member)
                await _pulse_again(stage)
            for name, execution_id in running.items():
                view = await stage.until_status(execution_id, "failed", secs=_LONG_SECS + 30)
                stage.expect(view["exit_code"] == 3, f"what ran on {name} ended as {view['exit_code']}")
    stage.healed()
    await _expect_no_failure(stage, besides=2 * len(_AGENTS))


def _members(stage: Stage) -> list[Member]:
    return [*stage.fleet.controllers.values(), *stage.fleet.agents.values()]


async def _restart(stage: Stage, member: Member) -> None:
    async with stage.fault("restart", member.name):
        if member.role == "controller":
            stage.fleet.balancer.take_out(stage.fleet.controller_ports[member.name])
        await member.stop()
        member.start()
        if member.role == "controller":
            await stage.fleet.until_ready(member.name)
        else:
            await stage.fleet.until_agent(member.name, "online")


async def _pulse_again(stage: Stage) -> None:
    """Until each agent, whichever release it and its controllers are, has done new work."""
    seen = {name: len(stage.witnessed(f"pulse-{name}")) for name in _AGENTS}
    for name, count in seen.items():
        await stage.until_witnessed(f"pulse-{name}", count=count + 3)


@asynccontextmanager
async def _asked(stage: Stage) -> AsyncIterator[None]:
    """Somebody triggers a job all the time, and repeats a call that fails once; nothing may be refused twice."""
    await stage.job("asked-for", 0.3)
    refused: list[str] = []

    async def ask() -> None:
        for n in range(10**6):
            if (await stage.fleet.client.trigger("asked-for", idempotency_key=f"ask-{n}")).outcome != "ok":
                again = await stage.fleet.client.trigger("asked-for", idempotency_key=f"ask-{n}")
                if again.outcome != "ok":
                    refused.append(f"ask-{n}: {again.outcome}")
            await asyncio.sleep(0.2)

    asking = asyncio.create_task(ask())
    try:
        yield
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    stage.expect(not refused, f"calls were refused twice: {refused}")


async def _expect_no_failure(stage: Stage, besides: int = 0) -> None:
    """No run failed but those that were meant to."""
    failed = await stage.fleet.client.all_of("/api/runs?status=failed")
    stage.expect(len(failed) == besides, f"{len(failed)} runs failed, {besides} were meant to")
