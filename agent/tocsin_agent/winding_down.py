"""The end of an agent: what runs finishes, is ended, or is left to its keepers; then the last reports go out."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from tocsin_agent.executor import Executor
from tocsin_agent.uploader import Uploader
from tocsin_shared.logs import log

#: Given to running jobs between SIGTERM and SIGKILL when a drain's time is over.
LAST_GRACE_SECS = 5.0
#: How long the last reports may take when the agent ends.
LAST_DELIVERY_SECS = 10.0
#: The same when jobs go on without it: nothing depends on those reports, they are on disk.
LAST_DELIVERY_BEFORE_HAND_OVER_SECS = 3.0


@dataclass(slots=True)
class Ending:
    """How the agent is to end; a second signal may change it on the way."""

    #: How long what has to end before the agent may take.
    grace_secs: float = 0.0
    #: Processes go on without this agent, for the next one to adopt.
    hands_over: bool = False


async def wind_down(executor: Executor, uploader: Uploader, ending: Ending) -> list[UUID]:
    """Bring everything to its end, within the given time; which executions were left to their keepers."""
    log.info(
        "agent_handing_over" if ending.hands_over else "agent_draining",
        running=executor.running,
        grace_secs=ending.grace_secs,
    )
    await _wait_for_work(executor, ending)
    left: list[UUID] = []
    if ending.hands_over:
        left = await executor.hand_over()
        ids = [str(execution_id) for execution_id in left[:20]]
        log.info("executions_left_running", count=len(left), execution_ids=ids)
    try:
        async with asyncio.timeout(
            LAST_DELIVERY_BEFORE_HAND_OVER_SECS if ending.hands_over else LAST_DELIVERY_SECS
        ):
            await uploader.wait_until_idle()
    except TimeoutError:
        log.warning("reports_left", why="they are on disk and go out at the next start")
    return left


async def _wait_for_work(executor: Executor, ending: Ending) -> None:
    """For what has to end before the agent may; what takes too long is ended."""
    try:
        async with asyncio.timeout(ending.grace_secs):
            if ending.hands_over:
                await executor.wait_until_only_processes_run()
            if not ending.hands_over:  # which may have changed meanwhile
                await executor.wait_until_idle()
    except TimeoutError:
        log.warning("drain_time_over", running=executor.running)
        executor.stop_all("agent_stopped", LAST_GRACE_SECS, only_inside=ending.hands_over)
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_GRACE_SECS + 5):
                if ending.hands_over:
                    await executor.wait_until_only_processes_run()
                else:
                    await executor.wait_until_idle()
