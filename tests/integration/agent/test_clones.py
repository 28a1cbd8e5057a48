"""One state directory, one agent: copies are told apart by the mark that each registration moves on."""

import asyncio
import shutil
from pathlib import Path

import pytest
from tests.integration.agent.conftest import AgentProcess, Agents, assignment, eventually
from tests.integration.agent.fake_controller import FakeController, Refusal

from tocsin_agent.identity import Identity, StateDir
from tocsin_agent.program import EXIT_BAD_CONFIGURATION
from tocsin_agent.registration import Cloned
from tocsin_shared.protocol import RegisterRequest


def stored(agents: Agents) -> Identity:
    identity = Identity.read(StateDir(agents.state_dir()))
    assert identity is not None
    return identity


def registrations(controller: FakeController) -> list[RegisterRequest]:
    return controller.bodies("register", RegisterRequest)


async def test_each_registration_moves_the_mark_on(controller: FakeController, agents: Agents) -> None:
    await agents.start()
    await agents.stop()
    await agents.start()
    first, second = registrations(controller)
    assert first.state_mark is None
    assert first.next_state_mark is not None
    assert second.state_mark == first.next_state_mark
    assert second.next_state_mark not in (None, first.next_state_mark)
    assert stored(agents).state_mark == second.next_state_mark


async def test_a_lost_answer_is_asked_for_again_with_the_same_marks(
    controller: FakeController, agents: Agents
) -> None:
    controller.registrations_to_drop = 3
    await agents.start()
    assert len(registrations(controller)) == 4
    assert len({(r.state_mark, r.next_state_mark) for r in registrations(controller)}) == 1


async def test_a_crash_before_the_answer_is_asked_for_again_with_the_same_marks(
    controller: FakeController, agent_process: AgentProcess
) -> None:
    agent_process.start()
    await controller.until(lambda: len(registrations(controller)) == 1)
    controller.registrations_to_drop = 1_000
    agent_process.kill()
    agent_process.start()
    await controller.until(lambda: len(registrations(controller)) == 2)
    agent_process.kill()
    controller.registrations_to_drop = 0
    agent_process.start()
    job = assignment("true")
    await controller.offer(job)
    await controller.result(job.execution_id)
    _, before, *_, after = registrations(controller)
    assert (before.state_mark, before.next_state_mark) == (after.state_mark, after.next_state_mark)


@pytest.mark.parametrize("moment", ["before the call", "after the answer"])
async def test_a_crash_between_the_steps_leaves_an_agent_that_registers(
    controller: FakeController, agents: Agents, moment: str
) -> None:
    await agents.start()
    await agents.stop()
    state = StateDir(agents.state_dir())
    ready = stored(agents).ready_to_register(state)
    assert stored(agents) == ready
    if moment == "after the answer":
        assert ready.next_state_mark is not None
        controller.marks[next(iter(controller.marks))] = ready.next_state_mark
    agent, _ = await agents.start()
    await asyncio.wait_for(agent.wait_until_registered(), 5)
    assert registrations(controller)[-1].next_state_mark == ready.next_state_mark


async def test_an_older_copy_of_the_directory_ends_for_good_and_says_what_to_do(
    controller: FakeController, agent_process: AgentProcess
) -> None:
    agent_process.start()
    await controller.until(lambda: bool(registrations(controller)))
    agent_process.kill()
    copy = agent_process.directory / "copy"
    shutil.copytree(agent_process.state_dir, copy)
    agent_process.start()
    await controller.until(lambda: len(registrations(controller)) == 2)
    real = agent_process.process
    agent_process.start(TOCSIN_AGENT_STATE_DIR=str(copy))
    try:
        assert await agent_process.ended() == EXIT_BAD_CONFIGURATION == 78
    finally:
        agent_process.process = real
    (line,) = [line for line in agent_process.log().splitlines() if "another copy of" in line]
    assert f"empty {copy}, then start with an enrolment key and a name of its own" in line
    job = assignment("true")
    await controller.offer(job)
    assert (await controller.result(job.execution_id)).exit_code == 0


async def test_of_two_copies_that_run_at_once_one_ends_for_good(
    controller: FakeController, agents: Agents
) -> None:
    """A machine cloned while its agent runs: the copy starts with the newest mark and is taken for the agent."""
    _, real = await agents.start("one")
    await eventually(lambda: stored(agents).next_state_mark is None)
    shutil.copytree(agents.state_dir("one"), agents.state_dir("two"))
    (agents.state_dir("two") / "lock").unlink()
    _, copy = await agents.start("two")
    await asyncio.wait({real, copy}, return_when=asyncio.FIRST_COMPLETED, timeout=15)
    assert isinstance(real.exception(), Cloned)
    registered = len(registrations(controller))
    job = assignment("true")
    await controller.offer(job)
    assert (await controller.result(job.execution_id)).exit_code == 0
    assert not copy.done()
    assert len(registrations(controller)) == registered


async def test_an_agent_superseded_by_a_database_of_the_past_registers_again_and_goes_on(
    controller: FakeController, agents: Agents
) -> None:
    _, running = await agents.start()
    controller.refusals["heartbeat"] = Refusal(409, "superseded")
    await controller.until(lambda: len(registrations(controller)) == 2)
    job = assignment("true")
    await controller.offer(job)
    assert (await controller.result(job.execution_id)).exit_code == 0
    assert not running.done()


async def test_an_agent_whose_disk_takes_no_mark_presents_the_old_one_again(
    controller: FakeController, agents: Agents, monkeypatch: pytest.MonkeyPatch
) -> None:
    await agents.start()
    mark = stored(agents).state_mark

    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tocsin_agent.identity.write_atomically", full)
    running = agents.running[0][1]
    controller.refusals["heartbeat"] = Refusal(401, "unauthorized")
    controller.refusals["poll"] = Refusal(401, "unauthorized")
    await controller.offer(assignment("true"))
    await controller.until(lambda: len(registrations(controller)) == 2)
    assert (registrations(controller)[1].state_mark, registrations(controller)[1].next_state_mark) == (
        mark,
        mark,
    )
    assert not running.done()
