"""A poll of a process that is gone, still parked at one controller, while its successor works with another."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace

import pytest
from tests.integration.engine.conftest import FakeAgent, Harness

from tocsin_controller.engine import build_engine
from tocsin_controller.hints import agent_topic
from tocsin_controller.settings import ControllerSettings
from tocsin_controller.supervisor import supervise
from tocsin_shared.protocol import PollResponse, Receipt

Parked = tuple[Harness, FakeAgent, "asyncio.Task[PollResponse]"]


@pytest.fixture
def lease_secs() -> float:
    """Agents are silent only where a test says so."""
    return 600.0


@pytest.fixture
async def parked(harness: Harness, settings: Callable[..., ControllerSettings]) -> AsyncIterator[Parked]:
    """Another controller, the newer process with it, and the poll of the older one."""
    other = replace(harness, engine=build_engine(harness.db, settings()))
    services = asyncio.create_task(supervise(other.engine.services))
    older = await harness.agent("same")
    poll = asyncio.create_task(older.poll(wait_secs=30))
    await asyncio.sleep(0.1)
    newer = await other.agent("same")
    yield other, newer, poll
    for task in (poll, services):
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_it_takes_nothing_away_from_the_newer_process(harness: Harness, parked: Parked) -> None:
    other, newer, poll = parked
    job = await harness.job(target={"type": "tagged", "tag": "x"})
    await harness.connection.execute("UPDATE agents SET tags = '{x}'")
    other.engine.hints.hint(agent_topic(newer.id))
    launched = await other.trigger(job)
    (assignment,) = (await newer.poll(wait_secs=30)).executions
    # What has the older poll looked at again may be this, or an order to cancel.
    harness.engine.hints.hint(agent_topic(newer.id))
    async with asyncio.timeout(20):
        assert (await poll).executions == []
    assert await newer.start(assignment) is Receipt.RECORDED
    assert (await harness.row("executions", launched.execution_ids[0]))["status"] == "running"


async def test_it_keeps_no_work_from_the_newer_process(harness: Harness, parked: Parked) -> None:
    _, newer, poll = parked
    await harness.trigger(await harness.job())
    async with asyncio.timeout(20):
        assert (await poll).executions == []
        assert len((await newer.poll(wait_secs=30)).executions) == 1
