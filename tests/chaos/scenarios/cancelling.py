"""Somebody cancels while the network is away."""

import asyncio

from tests.chaos.scenario import scenario
from tests.chaos.stage import Stage


@scenario("F26", "a cancel while the agent can't hear it", shows=("G9",), is_short=True)
async def cancel_unheard(stage: Stage) -> None:
    """`cancelled` only once the process is gone; one that ends by itself meanwhile has its own result."""
    await stage.fleet.add_controller("c1")
    await stage.fleet.add_agent("a1")
    await stage.pulse()
    cancelled = await stage.start("is-ended", 60)
    finished = await stage.start("ends-itself", 2.5, 5)
    await stage.sample("before")
    link = stage.fleet.agent_links["a1"]
    async with stage.fault("deaf", "a1"):
        link.hang("down")
        for execution_id in (cancelled, finished):
            await stage.fleet.client.post(f"/api/executions/{execution_id}/cancel")
        await stage.until_witnessed("ends-itself", "end")
        await asyncio.sleep(1)
        view = await stage.execution(cancelled)
        stage.expect(view["status"] in ("pending", "running"), f"unheard, yet it shows {view['status']}")
        stage.expect(view["cancel_requested_at"], "the request is not shown")
        stage.expect(not stage.witnessed("is-ended", "end"), "it ended without having been told")
    link.heal()
    stage.healed()
    ended = await stage.until_status(cancelled, "cancelled")
    gone = await stage.until_witnessed("is-ended", "end")
    stage.expect(gone.exit_code == 143 and ended["exit_code"] in (143, None), "the end is told otherwise")
    by_itself = await stage.until_status(finished, "failed")
    stage.expect(by_itself["exit_code"] == 5, f"what ended by itself with 5 shows {by_itself['exit_code']}")
