"""Agents that are stopped leave their jobs running where that is asked for, and end them where it is not."""

import asyncio
import os
import signal
import subprocess
from pathlib import Path

from tests.integration.agent.conftest import (
    BIN,
    AgentProcess,
    assignment,
    eventually,
)
from tests.integration.agent.fake_controller import FakeController
from tests.integration.agent.outliving import end_file, keepers, started, waiting

from tocsin_shared.protocol import (
    HeartbeatRequest,
)
from tocsin_shared.tasks import NoopTask


async def test_sigusr1_hands_over(controller: FakeController, agent_process: AgentProcess) -> None:
    process = agent_process.start()
    command, go = waiting(agent_process.directory, "echo after")
    job = assignment(command)
    await started(controller, job)
    process.send_signal(signal.SIGUSR1)
    assert await agent_process.ended() == 0
    assert str(job.execution_id) in agent_process.log()
    assert list(keepers(agent_process)) == [job.execution_id]

    agent_process.start()
    await eventually(lambda: "execution_adopted" in agent_process.log())
    go.touch()
    assert (await controller.result(job.execution_id)).status == "succeeded"
    assert controller.output(job.execution_id) == "before\nafter\n"


async def test_sigterm_hands_over_where_that_is_set(
    controller: FakeController, agent_process: AgentProcess
) -> None:
    process = agent_process.start(TOCSIN_AGENT_STOP="handover")
    job = assignment("echo before; exec sleep 60")
    await started(controller, job)
    process.terminate()
    assert await agent_process.ended() == 0
    assert list(keepers(agent_process)) == [job.execution_id]


async def test_a_task_inside_the_agent_may_finish_before_a_hand_over(
    controller: FakeController, agent_process: AgentProcess
) -> None:
    process = agent_process.start()
    inside = assignment(task=NoopTask(type="noop", sleep_secs=1))
    outside = assignment("echo before; exec sleep 60")
    await controller.offer(inside)
    await started(controller, outside)
    process.send_signal(signal.SIGUSR1)
    assert await agent_process.ended() == 0
    assert controller.results(inside.execution_id)[0].status == "succeeded"
    assert list(keepers(agent_process)) == [outside.execution_id]


async def test_a_second_signal_ends_what_was_to_be_handed_over(
    controller: FakeController, agent_process: AgentProcess
) -> None:
    process = agent_process.start()
    job = assignment("echo before; exec sleep 60")
    await controller.offer(assignment(task=NoopTask(type="noop", sleep_secs=60)))
    await started(controller, job)
    process.send_signal(signal.SIGUSR1)
    await controller.until(lambda: controller.bodies("heartbeat", HeartbeatRequest)[-1].draining)
    process.terminate()
    assert await agent_process.ended() == 0
    assert controller.results(job.execution_id)[0].reason == "agent_stopped"
    assert keepers(agent_process) == {}


async def test_what_stops_the_host_is_told(controller: FakeController, agent_process: AgentProcess) -> None:
    agent_process.start()
    job = assignment("echo before; exec sleep 60")
    await started(controller, job)
    keeper = keepers(agent_process)[job.execution_id]
    agent_process.kill()
    os.kill(keeper, signal.SIGTERM)
    await eventually(lambda: end_file(agent_process, job).exists())
    agent_process.start()
    result = await controller.result(job.execution_id)
    assert (result.reason, result.message) == (
        "agent_stopped",
        "Ended with its keeper, as when the host shuts down.",
    )


async def test_end_jobs_ends_what_a_stopped_agent_left(
    controller: FakeController, agent_process: AgentProcess
) -> None:
    process = agent_process.start()
    job = assignment("echo before; exec sleep 60")
    await started(controller, job)
    refused = await end_jobs(agent_process)
    assert (refused.returncode, "stop it first" in refused.stderr) == (1, True)
    process.send_signal(signal.SIGUSR1)
    assert await agent_process.ended() == 0
    done = await end_jobs(agent_process)
    assert done.stdout == f"ending   {job.execution_id}\nended    1 jobs\n"
    assert keepers(agent_process) == {}
    agent_process.start()
    assert (await controller.result(job.execution_id)).reason == "agent_stopped"


async def end_jobs(agent: AgentProcess) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [BIN / "tocsin-agent", "end-jobs", "--state-dir", agent.state_dir]
    return await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, check=False, timeout=15
    )
