"""Nothing runs twice and nothing runs without the right to: intents, fences, stop orders (G2, G6)."""

from itertools import count
from pathlib import Path
from uuid import UUID

import pytest
from tests.integration.agent.conftest import Agents, assignment, is_running, pid_in
from tests.integration.agent.fake_controller import FakeController

from tocsin_agent.clock import Moment
from tocsin_agent.freshness import LEAST_PATIENCE_SECS
from tocsin_agent.journal.framing import frames
from tocsin_agent.journal.records import Intent, encode
from tocsin_shared.ids import new_id
from tocsin_shared.protocol import CancelOrder, HeartbeatRequest, PollRequest, Receipt, StopOrder

NUMBERS = count()


def paused(directory: Path) -> tuple[str, Path, Path]:
    """A command that notes its start, and ends when a file appears; with both files."""
    number = next(NUMBERS)
    witness, go = directory / f"witness-{number}", directory / f"go-{number}"
    return f"echo start >> {witness}; until [ -e {go} ]; do sleep 0.02; done; echo done", witness, go


def sleeping(directory: Path) -> tuple[str, Path]:
    """A command that lasts, and the file it writes its number to."""
    file = directory / f"pid-{next(NUMBERS)}"
    return f"echo $$ > {file}; exec sleep 60", file


async def held_with_fence(controller: FakeController, execution_id: UUID, fence: int) -> None:
    """Return once the agent says that it holds an execution under a fence."""

    def is_so() -> bool:
        beats = controller.bodies("heartbeat", HeartbeatRequest)[-1:]
        return any((h.execution_id, h.fence) == (execution_id, fence) for b in beats for h in b.running or ())

    await controller.until(is_so)


async def test_the_intent_is_on_disk_before_the_process_starts(
    controller: FakeController, agents: Agents
) -> None:
    await agents.start()
    log = agents.state_dir() / "journal" / "control.log"
    job = assignment(f'grep -a -c "intent.*$TOCSIN_EXECUTION_ID" {log}')
    await controller.offer(job)
    await controller.result(job.execution_id)
    assert int(controller.output(job.execution_id)) == 1


async def test_neither_the_command_nor_its_environment_is_on_disk(
    controller: FakeController, agents: Agents
) -> None:
    await agents.start()
    command, _, go = paused(agents.directory)
    job = assignment(f"{command} # secret-in-command")
    await controller.offer(job)
    await controller.until(lambda: bool(controller.events(job.execution_id)))
    for file in agents.state_dir().rglob("*"):
        assert file.is_dir() or b"secret-in-command" not in file.read_bytes()
    go.touch()
    await controller.result(job.execution_id)


async def test_what_was_on_its_way_for_too_long_is_not_started_but_offered_again(
    controller: FakeController, agents: Agents
) -> None:
    await agents.start()
    command, witness, go = paused(agents.directory)
    go.touch()
    await controller.until(lambda: bool(controller.bodies("poll", PollRequest)))
    job = assignment(command)
    controller.underway_secs = LEAST_PATIENCE_SECS + 0.2
    await controller.offer(job)
    await controller.until(lambda: len(controller.bodies("poll", PollRequest)) == 2)
    assert not controller.bodies("poll", PollRequest)[1].running
    assert not witness.exists()
    controller.underway_secs = 0.0
    await controller.offer(job.model_copy(update={"fence": 2}))
    assert (await controller.result(job.execution_id)).fence == 2
    assert witness.read_text() == "start\n"


async def test_the_same_assignment_twice_starts_once(controller: FakeController, agents: Agents) -> None:
    await agents.start()
    command, witness, go = paused(agents.directory)
    job = assignment(command)
    await controller.offer(job, job)
    await controller.until(lambda: bool(controller.events(job.execution_id)))
    await controller.offer(job)
    other = assignment("true")
    await controller.offer(other)
    await controller.result(other.execution_id)
    go.touch()
    await controller.result(job.execution_id)
    await controller.settled(job.execution_id)
    assert witness.read_text() == "start\n"
    assert len(controller.results(job.execution_id)) == 1
    assert controller.output(job.execution_id) == "done\n"


async def test_a_newer_fence_for_what_already_runs_is_used_and_starts_nothing(
    controller: FakeController, agents: Agents
) -> None:
    await agents.start()
    command, witness, go = paused(agents.directory)
    job = assignment(command, fence=1)
    await controller.offer(job)
    await controller.until(lambda: bool(controller.events(job.execution_id)))
    await controller.offer(job.model_copy(update={"fence": 5}))
    await held_with_fence(controller, job.execution_id, 5)
    go.touch()
    result = await controller.result(job.execution_id)
    assert (result.fence, result.exit_code) == (5, 0)
    assert witness.read_text() == "start\n"


async def test_a_stop_order_kills_and_nothing_is_reported(controller: FakeController, agents: Agents) -> None:
    agent, _ = await agents.start()
    command, file = sleeping(agents.directory)
    job = assignment(command)
    await controller.offer(job)
    pid = await pid_in(file)
    await held_with_fence(controller, job.execution_id, 1)
    await controller.stop(StopOrder(execution_id=job.execution_id, fence=1, why="lost"))
    await controller.settled(job.execution_id)
    assert not is_running(pid)
    assert agent.running == 0
    assert controller.results(job.execution_id) == []
    await agents.all_settled()


async def test_a_stop_order_for_an_older_fence_is_not_meant_for_the_newer_right(
    controller: FakeController, agents: Agents
) -> None:
    await agents.start()
    command, _, go = paused(agents.directory)
    job = assignment(command, fence=4)
    await controller.offer(job)
    await controller.until(lambda: bool(controller.events(job.execution_id)))
    await controller.stop(StopOrder(execution_id=job.execution_id, fence=3))
    other = assignment("true")
    await controller.offer(other)
    await controller.result(other.execution_id)
    go.touch()
    assert (await controller.result(job.execution_id)).exit_code == 0


async def test_a_stop_order_for_what_is_not_known_does_no_harm(
    controller: FakeController, agents: Agents
) -> None:
    await agents.start()
    await controller.stop(StopOrder(execution_id=new_id(), fence=1))
    await controller.cancel(CancelOrder(execution_id=new_id(), fence=1))
    job = assignment("true")
    await controller.offer(job)
    assert (await controller.result(job.execution_id)).exit_code == 0


async def test_a_stale_receipt_kills(controller: FakeController, agents: Agents) -> None:
    agent, _ = await agents.start()
    command, file = sleeping(agents.directory)
    job = assignment(command)
    controller.receipts[job.execution_id] = Receipt.STALE
    await controller.offer(job)
    pid = await pid_in(file)
    await controller.settled(job.execution_id)
    assert not is_running(pid)
    assert agent.running == 0
    assert controller.results(job.execution_id) == []
    await agents.all_settled()


async def test_a_cancel_order_ends_it_and_the_end_is_reported(
    controller: FakeController, agents: Agents
) -> None:
    await agents.start()
    command, file = sleeping(agents.directory)
    job = assignment(f"trap 'echo bye; exit 0' TERM; {command.removesuffix('exec sleep 60')} sleep 60 & wait")
    await controller.offer(job)
    await pid_in(file)
    await controller.until(lambda: bool(controller.events(job.execution_id)))
    order = CancelOrder(execution_id=job.execution_id, fence=1, grace_secs=5)
    await controller.cancel(order)
    await controller.cancel(order)
    result = await controller.result(job.execution_id)
    assert (result.status, result.reason) == ("cancelled", "cancelled")
    assert controller.output(job.execution_id) == "bye\n"


async def test_what_an_earlier_process_left_is_reported_as_interrupted_and_never_started(
    controller: FakeController, agents: Agents
) -> None:
    left = leave_behind(agents, 3)
    await agents.start()
    for execution_id in left:
        result = await controller.result(execution_id)
        assert (result.status, result.reason, result.fence) == ("failed", "interrupted", 2)
        assert result.started_age_secs is None
    await controller.settled(*left)
    await agents.all_settled()


async def test_a_stop_order_for_what_an_earlier_process_left_does_not_upset_the_new_one(
    controller: FakeController, agents: Agents, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = leave_behind(agents, 20)
    for execution_id in left:
        await controller.stop(StopOrder(execution_id=execution_id, fence=2))
    _, running = await agents.start()
    await controller.settled(*left)
    job = assignment("true")
    await controller.offer(job)
    assert (await controller.result(job.execution_id)).exit_code == 0
    assert not running.done()


def leave_behind(agents: Agents, number: int) -> list[UUID]:
    """The journal of an agent that was killed before it could start any of these."""
    journal = agents.state_dir() / "journal"
    journal.mkdir(parents=True)
    left = [new_id() for _ in range(number)]
    intents = [Intent(execution_id, 2, "backup", "shell", Moment.now()) for execution_id in left]
    (journal / "control.log").write_bytes(frames(map(encode, intents)))
    return left
