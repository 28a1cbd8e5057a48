"""What may go to another agent is dead before it does, however this one was kept from noticing (G3)."""

import asyncio
import os
import signal
import time

from tests.integration.agent.conftest import AgentProcess, Agents, assignment, is_running, pid_in
from tests.integration.agent.fake_controller import FakeController
from tests.integration.agent.test_fencing import paused, sleeping

from tocsin_shared.protocol import HeartbeatRequest

EVERYTHING = {"register", "poll", "heartbeat", "upload"}


async def test_work_that_may_go_elsewhere_is_killed_when_no_controller_answers(
    controller: FakeController, agents: Agents
) -> None:
    await agents.start()
    command, file = sleeping(agents.directory)
    kept_command, _, go = paused(agents.directory)
    fenced, kept = assignment(command, self_fence_secs=1.0), assignment(kept_command)
    await controller.offer(fenced, kept)
    pid = await pid_in(file)
    controller.overloaded = set(EVERYTHING)
    async with asyncio.timeout(10):
        while is_running(pid):
            await asyncio.sleep(0.01)
    go.touch()
    controller.overloaded.clear()
    result = await controller.result(fenced.execution_id)
    assert (result.status, result.reason) == ("failed", "self_fenced")
    assert (await controller.result(kept.execution_id)).exit_code == 0


async def test_as_long_as_a_controller_answers_nothing_is_killed(
    controller: FakeController, agents: Agents
) -> None:
    controller.heartbeat_secs = 0.1
    await agents.start()
    job = assignment("sleep 5; echo done", self_fence_secs=3.0)
    await controller.offer(job)
    controller.overloaded = {"upload"}
    await asyncio.sleep(5)
    controller.overloaded.clear()
    assert (await controller.result(job.execution_id)).exit_code == 0


async def test_it_is_dead_when_its_grace_is_over_even_if_it_ignores_sigterm(
    controller: FakeController, agents: Agents
) -> None:
    await agents.start()
    file = agents.directory / "pid"
    job = assignment(
        f"trap '' TERM; echo $$ > {file}; while :; do sleep 0.1; done",
        self_fence_secs=1.0,
        kill_grace_secs=0.5,
    )
    await controller.offer(job)
    pid = await pid_in(file)
    controller.overloaded = set(EVERYTHING)
    async with asyncio.timeout(10):
        while is_running(pid):
            await asyncio.sleep(0.01)
    controller.overloaded.clear()
    assert (await controller.result(job.execution_id)).reason == "self_fenced"


async def test_an_agent_that_was_frozen_kills_before_it_says_anything(
    controller: FakeController, agent_process: AgentProcess
) -> None:
    process = agent_process.start()
    command, file = sleeping(agent_process.directory)
    job = assignment(command, self_fence_secs=1.0)
    await controller.offer(job)
    pid = await pid_in(file)
    await controller.until(lambda: bool(controller.events(job.execution_id)))
    os.kill(process.pid, signal.SIGSTOP)
    await asyncio.to_thread(time.sleep, 1.5)
    assert is_running(pid)
    os.kill(process.pid, signal.SIGCONT)
    result = await controller.result(job.execution_id)
    assert (result.status, result.reason) == ("failed", "self_fenced")
    assert not is_running(pid)
    beats = controller.bodies("heartbeat", HeartbeatRequest)
    assert len(beats) > 1
