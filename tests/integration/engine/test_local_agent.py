"""The controller's own agent goes on after a failure."""

import asyncio
from pathlib import Path

from tests.integration.engine.conftest import Harness

from tocsin_agent.daemon import Agent
from tocsin_agent.identity import StateDir
from tocsin_controller.local import LocalLink
from tocsin_controller.local_agent import LocalAgent


async def test_the_controllers_agent_is_started_again_when_it_fails(harness: Harness, tmp_path: Path) -> None:
    tries = 0
    tried_again = asyncio.Event()

    def make() -> Agent:
        nonlocal tries
        tries += 1
        if tries == 3:
            tried_again.set()
        return Agent(link=LocalLink(harness.engine.desk), state_dir=tmp_path / "state", name="own")

    local = LocalAgent(make, first_delay_secs=0.02)
    with StateDir(tmp_path / "state").locked():  # as if the agent of another process were running there
        running = asyncio.create_task(local.run())
        await asyncio.wait_for(tried_again.wait(), 30)
    await harness.eventually("SELECT count(*) FROM agents WHERE name = 'own'", equals=1)
    await local.drain(grace_secs=0)
    await asyncio.wait_for(running, 30)
