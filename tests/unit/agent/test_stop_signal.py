"""How a runner learns that its work has to end."""

import asyncio

import pytest

from tocsin_agent.tasks.base import StopSignal


async def test_nothing_is_requested_at_first() -> None:
    stop = StopSignal()
    assert (stop.requested, stop.kind, stop.grace_left_secs) == (False, None, 0)


async def test_a_request_wakes_whoever_waits() -> None:
    stop = StopSignal()
    waiting = asyncio.create_task(stop.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    stop.request("cancel", 10)
    await asyncio.wait_for(waiting, 5)
    assert (stop.requested, stop.kind) == (True, "cancel")
    assert stop.grace_left_secs == pytest.approx(10, abs=1)


async def test_the_first_kind_counts() -> None:
    stop = StopSignal()
    stop.request("timeout", 10)
    stop.request("cancel", 1)
    assert stop.kind == "timeout"


async def test_a_later_request_can_only_shorten_the_grace() -> None:
    stop = StopSignal()
    stop.request("cancel", 10)
    stop.request("cancel", 100)
    assert stop.grace_left_secs <= 10
    assert not stop.hastened.is_set()
    stop.request("agent_stopped", 1)
    assert stop.grace_left_secs <= 1
    assert stop.hastened.is_set()


async def test_a_grace_below_zero_is_none_at_all() -> None:
    stop = StopSignal()
    stop.request("cancel", -5)
    assert stop.requested
    assert stop.grace_left_secs == 0


async def test_the_grace_never_runs_below_zero() -> None:
    stop = StopSignal()
    stop.request("cancel", 0.01)
    await asyncio.sleep(0.02)
    assert stop.grace_left_secs == 0


async def test_a_request_after_the_end_is_ignored() -> None:
    stop = StopSignal()
    stop.settle()
    stop.request("cancel", 0)
    assert (stop.requested, stop.kind) == (False, None)


async def test_work_that_was_stopped_stays_stopped() -> None:
    stop = StopSignal()
    stop.request("timeout", 10)
    stop.settle()
    assert stop.kind == "timeout"
    stop.request("cancel", 1)
    assert stop.grace_left_secs <= 1
