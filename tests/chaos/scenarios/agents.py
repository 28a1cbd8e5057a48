"""Agents die, and what they ran does not become something it was not."""

import asyncio

from tests.chaos.scenario import scenario
from tests.chaos.stage import Stage


@scenario(
    "F12",
    "an agent is killed while jobs run",
    shows=("G2", "G4"),
    # What is due while the only agent is away waits for its next start too.
    lateness_secs=10,
    is_short=True,
)
async def an_agent_is_killed(stage: Stage) -> None:
    """Its jobs go on; the next start takes them over or says `interrupted`; none is started again."""
    await stage.fleet.add_controller("c1")
    agent = await stage.fleet.add_agent("a1")
    await stage.pulse()
    short = await stage.start("ends-meanwhile", 1.5, 7)
    long = await stage.start("goes-on", 6, 3)
    await stage.sample("before")
    async with stage.fault("kill", "a1"):
        agent.kill()
        await asyncio.sleep(2.5)
        agent.start()
    stage.healed()
    for execution_id, code in ((short, 7), (long, 3)):
        ended = await stage.until_status(execution_id, "succeeded", "failed")
        stage.expect(
            ended["reason"] == "interrupted" or ended["exit_code"] == code,
            f"{execution_id} ended with {ended['exit_code']}({ended['reason']}), not {code} or interrupted",
        )
