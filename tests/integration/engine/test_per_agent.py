"""No agent has more of one job than `max_per_agent`, and nothing waits longer than it has to."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from tests.integration.engine.conftest import Harness

from tocsin_controller.engine import build_engine
from tocsin_controller.settings import ControllerSettings
from tocsin_controller.supervisor import supervise
from tocsin_shared.protocol import Assignment

WAITING = "SELECT count(*) FROM executions WHERE job_id = $1 AND reason = 'max_per_agent'"


async def test_what_is_too_much_goes_to_another_agent_or_waits_for_room(harness: Harness) -> None:
    first = await harness.agent("first")
    job = await harness.job(max_per_agent=2)
    for _ in range(5):
        await harness.trigger(job)
    others = await harness.trigger(await harness.job())
    given = (await first.poll()).executions
    while len(given) < 3:
        given += (await first.poll(wait_secs=0.5)).executions
    assert sorted(a.job_id == job for a in given) == [False, True, True]
    assert others.run_id in {a.run_id for a in given}  # nothing behind them is held up
    await harness.eventually(WAITING, job, equals=3)
    second = await harness.agent("second")
    taken: list[Assignment] = []
    while len(taken) < 2:  # what was put back is offered again after a few seconds
        taken += (await second.poll(wait_secs=3)).executions
    await harness.eventually(WAITING, job, equals=1)
    mine = next(a for a in given if a.job_id == job)
    await first.start(mine)
    await first.finish(mine)
    (last,) = (await first.poll(wait_secs=4)).executions
    assert last.job_id == job
    await harness.eventually(WAITING, job, equals=0)


async def test_an_agent_at_two_controllers_gets_no_more(
    harness: Harness, settings: Callable[..., ControllerSettings]
) -> None:
    other = build_engine(harness.db, settings())
    services = asyncio.create_task(supervise(other.services))
    agent = await harness.agent("everywhere")
    job = await harness.job(max_per_agent=3, target={"type": "agent", "agent_id": str(agent.id)})
    for _ in range(12):
        await harness.trigger(job)
    there = Harness(other, harness.db, harness.connection, harness.admin)
    agent.seq += 1
    twin = type(agent)(there, agent.id, agent.incarnation, agent.seq)
    await asyncio.gather(
        agent.poll_unheard(slots=16, wait_secs=0.5), twin.poll_unheard(slots=16, wait_secs=0.5)
    )
    counted = "SELECT count(*) FROM leases WHERE job_id = $1"
    assert await harness.connection.fetchval(counted, job) <= 3
    services.cancel()
    with suppress(asyncio.CancelledError):
        await services
