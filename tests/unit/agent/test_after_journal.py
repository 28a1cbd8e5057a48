"""What a task takes from others is acknowledged once its result can't be lost, and never before."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest

from tocsin_agent import executor as executor_module
from tocsin_agent.executor import Executor
from tocsin_agent.journal.inspect import unsettled
from tocsin_agent.journal.journal import Journal
from tocsin_agent.runtime import after_journal
from tocsin_agent.runtime.outcome import Outcome
from tocsin_agent.runtime.supervisor import Keeping
from tocsin_agent.tasks.base import TaskContext
from tocsin_agent.tasks.registry import TaskRegistry
from tocsin_shared.executions import ExecutionStatus, Reason
from tocsin_shared.ids import new_id
from tocsin_shared.protocol import Assignment, CancelOrder, StopOrder
from tocsin_shared.tasks import NoopTask

PATIENCE_SECS = 30.0


@dataclass
class Taker:
    """A runner that takes one message and leaves it to be acknowledged."""

    happened: list[str] = field(default_factory=list)
    #: Until then it does not end, unless it is told to stop.
    may_end: asyncio.Event = field(default_factory=asyncio.Event)
    raises: bool = False
    #: Raised by the acknowledgement.
    error: Exception | None = None
    #: The acknowledgement hangs.
    hangs: bool = False
    has_taken: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, assignment: Assignment, context: TaskContext) -> Outcome:
        await context.on_started()
        context.after_journal(self._acknowledge, self._give_up)
        self.has_taken.set()
        ends = [asyncio.create_task(one.wait()) for one in (self.may_end, context.stop)]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in ends:
                one.cancel()
        if self.raises:
            raise RuntimeError("broken")
        return Outcome.succeeded()

    async def _acknowledge(self) -> None:
        self.happened.append("acknowledging")
        if self.hangs:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error
        self.happened.append("acknowledged")

    async def _give_up(self) -> None:
        self.happened.append("given up")


@dataclass
class World:
    """One executor with its journal, and what became known."""

    journal: Journal
    taker: Taker
    executor: Executor
    directory: Path
    statuses_told: list[ExecutionStatus]

    async def begin(self, *, ends: bool = True) -> UUID:
        """Return once the task has taken its message; with `ends` it goes on to its end."""
        assignment = Assignment(
            execution_id=new_id(), run_id=new_id(), job_id=new_id(), job_name="take", fence=1,
            kill_grace_secs=0.1, task=NoopTask(type="noop"),
        )  # fmt: skip
        await self.executor.accept([assignment])
        await asyncio.wait_for(self.taker.has_taken.wait(), PATIENCE_SECS)
        if ends:
            self.taker.may_end.set()
        return assignment.execution_id

    async def idle(self) -> None:
        async with asyncio.timeout(PATIENCE_SECS):
            await self.executor.wait_until_idle()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    journal, taker, registry = Journal(tmp_path / "journal"), Taker(), TaskRegistry({})
    registry.add("noop", taker)
    told: list[ExecutionStatus] = []

    def news(execution_id: UUID, is_result: bool) -> None:
        result = journal.entries[execution_id].result
        if is_result and result is not None:
            taker.happened.append("told")
            told.append(result.status)

    executor = Executor(journal, registry, Keeping(None, tmp_path), on_news=news, on_slot=lambda: None)
    writer = asyncio.create_task(journal.run())
    yield World(journal, taker, executor, tmp_path / "journal", told)
    await executor.abandon()
    writer.cancel()
    await asyncio.gather(writer, return_exceptions=True)
    journal.close()


async def test_a_durable_result_is_acknowledged_before_anybody_hears_of_it(world: World) -> None:
    await world.begin()
    await world.idle()
    assert world.taker.happened == ["acknowledging", "acknowledged", "told"]
    assert [one.state for one in unsettled(world.directory)] == ["ended"]


async def test_nothing_is_acknowledged_while_the_disk_refuses_the_result(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor_module, "JOURNAL_RETRY_SECS", 0.01)
    await world.begin(ends=False)
    loop, refused = asyncio.get_running_loop(), asyncio.Event()

    def refuse(fd: int, content: bytes) -> None:
        loop.call_soon_threadsafe(refused.set)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as broken:
        broken.setattr("tocsin_agent.journal.log.write_all", refuse)
        world.taker.may_end.set()
        await asyncio.wait_for(refused.wait(), PATIENCE_SECS)
        assert world.taker.happened == []
    await world.idle()
    assert world.taker.happened == ["acknowledging", "acknowledged", "told"]


async def test_what_was_cancelled_is_given_back(world: World) -> None:
    execution_id = await world.begin(ends=False)
    world.executor.cancel(CancelOrder(execution_id=execution_id, fence=1, grace_secs=0.1))
    await world.idle()
    assert world.taker.happened == ["given up", "told"]
    assert world.statuses_told == [ExecutionStatus.CANCELLED]


async def test_what_belongs_to_somebody_else_by_now_is_given_back(world: World) -> None:
    execution_id = await world.begin(ends=False)
    world.executor.disown(StopOrder(execution_id=execution_id, fence=1, why="lost"))
    await world.idle()
    assert world.taker.happened == ["given up"]


async def test_a_runner_that_breaks_after_all_gives_back_what_it_took(world: World) -> None:
    world.taker.raises = True
    execution_id = await world.begin()
    await world.idle()
    assert world.taker.happened == ["given up", "told"]
    result = world.journal.entries[execution_id].result
    assert result is not None
    assert result.reason is Reason.INTERNAL


async def test_an_acknowledgement_that_fails_is_logged_without_its_text(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.taker.error = ConnectionError("no route for user:secret")
    await world.begin()
    await world.idle()
    assert world.taker.happened == ["acknowledging", "told"]
    assert world.statuses_told == [ExecutionStatus.SUCCEEDED]
    logged = capsys.readouterr().out
    assert "acknowledgement_failed" in logged
    assert "secret" not in logged


async def test_an_acknowledgement_that_hangs_is_given_up_after_a_while(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(after_journal, "ACKNOWLEDGE_WITHIN_SECS", 0.05)
    world.taker.hangs = True
    await world.begin()
    await world.idle()
    assert world.taker.happened == ["acknowledging", "told"]


async def test_an_agent_that_stops_does_not_wait_for_an_acknowledgement(world: World) -> None:
    world.taker.hangs = True
    await world.begin()
    async with asyncio.timeout(PATIENCE_SECS):
        while world.taker.happened != ["acknowledging"]:
            await asyncio.sleep(0.01)
    await world.executor.abandon()
    assert world.taker.happened == ["acknowledging"]
    assert [one.state for one in unsettled(world.directory)] == ["ended"], "the result is on disk"


async def test_an_agent_that_stops_before_the_result_is_durable_gives_back_what_was_taken(
    world: World,
) -> None:
    await world.begin(ends=False)
    await world.executor.abandon()
    assert world.taker.happened == ["given up"]
