"""Agents vanish for longer than anybody waits, and work that may be repeated is: never beside its first copy."""

import asyncio
from typing import Any

from tests.chaos.scenario import USUAL, scenario
from tests.chaos.stage import Stage, on

#: The shortest that these controllers allow for work that is repeated.
_RETRIED: dict[str, Any] = {"on_lost": "retry", "lost_after_secs": 12, "kill_grace_secs": 1}


async def _two_agents(stage: Stage) -> str:
    """A job of half a minute on whichever agent takes it; that agent's name."""
    await stage.fleet.add_controller("c1")
    for name in ("a1", "a2"):
        await stage.fleet.add_agent(name)
    execution_id = await stage.start("may-be-repeated", 25, **_RETRIED)
    victim = str((await stage.execution(execution_id))["agent_name"])
    (other,) = {"a1", "a2"} - {victim}
    await stage.pulse(target=on(other))
    await stage.until_witnessed("pulse")
    await stage.sample("before")
    return victim


@scenario(
    "F15",
    "a partitioned agent's work is repeated elsewhere",
    shows=("G3",),
    certain=USUAL | {"V4"},
    lateness_secs=8,
)
async def repeated_elsewhere(stage: Stage) -> None:
    """The agent kills its copy before another one starts."""
    victim = await _two_agents(stage)
    async with stage.fault("partition", victim):
        stage.fleet.agent_links[victim].hang()
        second = await stage.until_witnessed("may-be-repeated", count=2, secs=40)
        await asyncio.sleep(2)
    stage.fleet.agent_links[victim].heal()
    stage.healed()
    await stage.until_status(second.execution_id, "succeeded", secs=40)


@scenario("F16", "a frozen agent's work is repeated elsewhere, then it thaws", shows=("G3",), lateness_secs=8)
async def frozen_and_thawed(stage: Stage) -> None:
    """Frozen, it can't kill its copy; thawed, that is the first thing it does."""
    victim = await _two_agents(stage)
    async with stage.fault("freeze_agent", victim):
        stage.fleet.agents[victim].freeze()
        second = await stage.until_witnessed("may-be-repeated", count=2, secs=40)
        await asyncio.sleep(1)
        stage.fleet.agents[victim].thaw()
    stage.healed()
    first = stage.witnessed("may-be-repeated")[0].execution_id
    thawed_ns = stage.faults[-1].ended_ns

    def last_sign_ns() -> int:
        return max(w.wall_ns for w in stage.witnessed("may-be-repeated", "alive") if w.execution_id == first)

    await asyncio.sleep(5)
    late_secs = (last_sign_ns() - thawed_ns) / 1e9
    stage.expect(late_secs < 4, f"the first copy lived for {late_secs:.1f} s after its agent thawed")
    await stage.until_status(second.execution_id, "succeeded", secs=40)


@scenario("F18", "most of the fleet loses the network together", shows=("G3",), lateness_secs=8)
async def most_of_the_fleet(stage: Stage) -> None:
    """Nothing is declared lost within the grace, one event says why, and what ran is reported as it was."""
    await stage.fleet.add_controller("c1", lost_grace_secs="40")
    names = [f"a{n}" for n in range(1, 6)]
    for name in names:
        await stage.fleet.add_agent(name)
    await stage.pulse(target=on("a1"))
    silent = names[1:]
    running = {
        n: await stage.start(f"on-{name}", 6, n, target=on(name), lost_after_secs=10)
        for n, name in enumerate(silent, 1)
    }
    await stage.sample("before")
    async with stage.fault("partition", "4 of 5 agents"):
        for name in silent:
            stage.fleet.agent_links[name].hang()
        await asyncio.sleep(20)
        statuses = {(await stage.execution(one))["status"] for one in running.values()}
        stage.expect(statuses <= {"pending", "running"}, f"during the silence the executions were {statuses}")
    for name in silent:
        stage.fleet.agent_links[name].heal()
    stage.healed()
    for code, execution_id in running.items():
        ended = await stage.until_status(execution_id, "failed", secs=60)
        stage.expect(
            ended["exit_code"] == code, f"{execution_id} ended with {ended['exit_code']}, not {code}"
        )
    kinds = [event["kind"] for event in await stage.fleet.client.all_of("/api/events")]
    count = kinds.count("fleet.mass_unreachable")
    stage.expect(count == 1, f"{count} events told of the silence")
