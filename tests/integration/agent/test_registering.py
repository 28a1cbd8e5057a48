"""How an agent introduces itself, and what happens when it is not known any more or not alone."""

import asyncio
import socket
from pathlib import Path

import pytest
from tests.integration.agent.conftest import Agents, assignment
from tests.integration.agent.fake_controller import ENROLMENT_KEY, FakeController, Refusal

from tocsin_agent.daemon import Superseded
from tocsin_agent.identity import Identity, StateDir, StateError
from tocsin_agent.tasks.registry import TaskRegistry
from tocsin_shared.protocol import HeartbeatRequest, PollRequest, RegisterRequest


def identity_of(agents: Agents, name: str = "one") -> Identity:
    identity = Identity.read(StateDir(agents.state_dir(name)))
    assert identity is not None
    return identity


async def test_the_key_is_traded_for_a_credential_at_the_first_registration(
    controller: FakeController, agents: Agents
) -> None:
    await agents.start()
    job = assignment("echo hello")
    await controller.offer(job)
    await controller.result(job.execution_id)
    identity = identity_of(agents)
    (introduction,) = controller.bodies("register", RegisterRequest)
    assert introduction.credential_sha256 == identity.credential_sha256
    assert controller.keys("register") == [ENROLMENT_KEY]
    assert set(controller.keys("poll", "heartbeat", "upload")) == {identity.credential}
    assert identity.agent_id == controller.agents[identity.credential_sha256]


async def test_later_starts_need_no_key(controller: FakeController, agents: Agents) -> None:
    await agents.start()
    await agents.stop()
    before = identity_of(agents)
    await agents.start(enrolment_key=None)
    await controller.until(lambda: len(controller.bodies("register", RegisterRequest)) == 2)
    assert controller.keys("register") == [ENROLMENT_KEY, before.credential]
    after = identity_of(agents)
    assert (after.agent_id, after.credential) == (before.agent_id, before.credential)


async def test_each_start_is_an_incarnation_of_its_own_whose_polls_count_from_one(
    controller: FakeController, agents: Agents
) -> None:
    for _ in range(2):
        polls = len(controller.bodies("poll", PollRequest))
        await agents.start()
        await controller.until(lambda polls=polls: len(controller.bodies("poll", PollRequest)) > polls)  # type: ignore[misc]  # a default
        await agents.stop()
    first, second = controller.bodies("register", RegisterRequest)
    assert first.incarnation != second.incarnation
    seqs = [(poll.incarnation, poll.seq) for poll in controller.bodies("poll", PollRequest)]
    assert (first.incarnation, 1) in seqs
    assert (second.incarnation, 1) in seqs
    assert len(set(seqs)) == len(seqs)


async def test_it_says_what_it_is_and_can(controller: FakeController, agents: Agents) -> None:
    await agents.start(tags=["db", "dc:fra1"], capacity=3)
    await controller.until(lambda: bool(controller.bodies("poll", PollRequest)))
    (introduction,) = controller.bodies("register", RegisterRequest)
    assert (introduction.name, introduction.tags, introduction.capacity) == ("one", ["db", "dc:fra1"], 3)
    said = set(introduction.task_types or [])
    assert said | {"docker_build"} == set(TaskRegistry().available())
    assert {"http", "noop", "shell"} <= said
    assert introduction.protocol == 1
    assert controller.bodies("poll", PollRequest)[0].slots == 3


async def test_images_are_built_only_where_an_engine_listens(
    controller: FakeController, agents: Agents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    await agents.start()
    await controller.until(lambda: bool(controller.bodies("register", RegisterRequest)))
    await agents.stop()
    with socket.socket(socket.AF_UNIX) as engine:
        engine.bind(str(tmp_path / "engine.sock"))
        await agents.start(docker_socket=tmp_path / "engine.sock")
        await controller.until(lambda: len(controller.bodies("register", RegisterRequest)) == 2)
    without, with_engine = controller.bodies("register", RegisterRequest)
    assert set(with_engine.task_types or []) - set(without.task_types or []) == {"docker_build"}


async def test_an_agent_that_is_not_known_any_more_registers_again(
    controller: FakeController, agents: Agents
) -> None:
    await agents.start()
    await controller.until(lambda: bool(controller.bodies("poll", PollRequest)))
    old_id = identity_of(agents).agent_id
    controller.forget_agents()
    job = assignment("echo back")
    await controller.offer(job)
    await controller.until(lambda: len(controller.agents) == 1)
    job = assignment("echo again")
    await controller.offer(job)
    assert (await controller.result(job.execution_id)).exit_code == 0
    credential = identity_of(agents).credential
    assert controller.keys("register") == [ENROLMENT_KEY, credential, ENROLMENT_KEY]
    assert identity_of(agents).agent_id != old_id


async def test_work_goes_on_while_it_registers_again(controller: FakeController, agents: Agents) -> None:
    await agents.start()
    go = agents.directory / "go"
    job = assignment(f"until [ -e {go} ]; do sleep 0.02; done; echo done")
    await controller.offer(job)
    await controller.until(lambda: bool(controller.events(job.execution_id)))
    controller.refusals["upload"] = Refusal(401, "unauthorized")
    go.touch()
    assert (await controller.result(job.execution_id)).exit_code == 0
    assert controller.output(job.execution_id) == "done\n"
    assert len(controller.bodies("register", RegisterRequest)) == 2


async def supersede_again(controller: FakeController, route: str) -> None:
    """Refuse it, and once more after it has registered again."""
    for number in (1, 2):
        await controller.registrations(number)
        controller.refusals[route] = Refusal(409, "superseded")
        if route == "poll":
            await controller.offer(assignment())  # ends the parked poll; the next one is refused


@pytest.mark.parametrize("route", ["poll", "heartbeat"])
async def test_an_agent_superseded_again_and_again_ends(
    controller: FakeController, agents: Agents, route: str
) -> None:
    _, running = await agents.start()
    await supersede_again(controller, route)
    with pytest.raises(Superseded):
        await asyncio.wait_for(running, 10)


async def test_an_agent_that_ends_because_it_was_superseded_ends_what_it_runs(
    controller: FakeController, agents: Agents
) -> None:
    agent, running = await agents.start()
    job = assignment("exec sleep 60")
    await controller.offer(job)
    await controller.until(lambda: bool(controller.events(job.execution_id)))
    await supersede_again(controller, "heartbeat")
    with pytest.raises(Superseded):
        await asyncio.wait_for(running, 10)
    assert agent.running == 0


async def test_two_agents_cannot_share_a_state_directory(controller: FakeController, agents: Agents) -> None:
    await agents.start()
    _, second = await agents.start()
    with pytest.raises(StateError, match="another agent is running"):
        await second
    assert len(controller.bodies("register", RegisterRequest)) == 1


async def test_a_draining_agent_says_so_and_takes_nothing_more(
    controller: FakeController, agents: Agents
) -> None:
    agent, running = await agents.start()
    go = agents.directory / "go"
    job = assignment(f"until [ -e {go} ]; do sleep 0.02; done")
    await controller.offer(job)
    await controller.until(lambda: bool(controller.events(job.execution_id)))
    agent.begin_drain(10)
    await controller.until(lambda: controller.bodies("heartbeat", HeartbeatRequest)[-1].draining)
    await controller.until(lambda: controller.bodies("poll", PollRequest)[-1].slots == 0)
    go.touch()
    await asyncio.wait_for(running, 10)
    assert controller.results(job.execution_id)[0].exit_code == 0
    await agents.all_settled()


async def test_an_idle_agent_that_ends_takes_back_the_poll_that_could_still_bring_work(
    controller: FakeController, agents: Agents
) -> None:
    agent, running = await agents.start()
    await controller.until(lambda: bool(controller.bodies("poll", PollRequest)))
    agent.begin_drain(10)
    await asyncio.wait_for(running, 30)
    last = controller.bodies("poll", PollRequest)[-1]
    assert (last.slots, last.wait_secs) == (0, 0)


async def test_a_drain_ends_what_takes_too_long(controller: FakeController, agents: Agents) -> None:
    agent, _ = await agents.start()
    job = assignment("exec sleep 60")
    await controller.offer(job)
    await controller.until(lambda: bool(controller.events(job.execution_id)))
    await asyncio.wait_for(agent.drain(0.1), 10)
    (result,) = controller.results(job.execution_id)
    assert (result.status, result.reason) == ("failed", "agent_stopped")


async def test_a_refused_registration_is_tried_again(controller: FakeController, agents: Agents) -> None:
    controller.refusals["register"] = Refusal(503, "starting")
    await agents.start()
    assert controller.keys("register") == [ENROLMENT_KEY] * 2


async def test_heartbeats_do_not_wait_for_the_parked_poll(controller: FakeController, agents: Agents) -> None:
    await agents.start()
    await controller.until(lambda: len(controller.bodies("heartbeat", HeartbeatRequest)) >= 3)
    assert len(controller.bodies("poll", PollRequest)) == 1
