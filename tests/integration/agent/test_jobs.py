"""What a job finds when it runs, and that all of it ends when it has to."""

import os
import signal
from pathlib import Path

import pytest
from tests.integration.agent.conftest import Agents, assignment, is_running, pid_in
from tests.integration.agent.fake_controller import FakeController

from tocsin_shared.protocol import ResultEvent
from tocsin_shared.tasks import NoopTask, ShellTask

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else without sudo")


async def ended(controller: FakeController, agents: Agents, task: ShellTask) -> tuple[ResultEvent, str]:
    """How a task ends, and what it says."""
    await agents.start()
    job = assignment(task=task)
    await controller.offer(job)
    result = await controller.result(job.execution_id)
    return result, controller.output(job.execution_id)


def shell(command: str, **given: object) -> ShellTask:
    return ShellTask.model_validate({"type": "shell", "command": command, **given})


@pytest.mark.parametrize(
    "detached",
    [
        "setsid sh -c 'echo $$ > {pid}; exec sleep 60' &",
        "setsid env -i sh -c 'echo $$ > {pid}; exec sleep 60' &",
        "(setsid setsid sh -c 'echo $$ > {pid}; trap \"\" TERM; while :; do sleep 1; done' &) &",
    ],
    ids=["own session", "own session without environment", "orphan that ignores SIGTERM"],
)
async def test_a_timeout_kills_everything_that_came_of_it(
    controller: FakeController, agents: Agents, detached: str
) -> None:
    await agents.start()
    pid_file = agents.directory / "pid"
    job = assignment(f"{detached.format(pid=pid_file)}\nsleep 60", timeout_secs=0.5)
    await controller.offer(job)
    pid = await pid_in(pid_file)
    result = await controller.result(job.execution_id)
    assert (result.status, result.reason) == ("timed_out", "timeout")
    assert not is_running(pid)


async def test_a_job_that_ends_in_time_is_not_timed_out(controller: FakeController, agents: Agents) -> None:
    await agents.start()
    job = assignment("echo quick", timeout_secs=30)
    await controller.offer(job)
    assert (await controller.result(job.execution_id)).status == "succeeded"


@as_root
async def test_a_job_runs_as_the_account_it_names(controller: FakeController, agents: Agents) -> None:
    command = "id -un; id -gn; echo $USER; pwd; touch /root/x 2>/dev/null || echo no right"
    result, output = await ended(controller, agents, shell(command, run_as="nobody"))
    user, group, variable, directory, right = output.splitlines()
    assert (result.status, user, variable, right) == ("succeeded", "nobody", "nobody", "no right")
    assert group in ("nogroup", "nobody")
    assert Path(directory).is_dir()


@as_root
async def test_a_job_of_another_account_can_be_ended(controller: FakeController, agents: Agents) -> None:
    await agents.start()
    task = shell("trap '' TERM; while :; do sleep 1; done", run_as="nobody")
    job = assignment(task=task, timeout_secs=0.3)
    await controller.offer(job)
    assert (await controller.result(job.execution_id)).status == "timed_out"


async def test_an_account_that_does_not_exist_is_told(controller: FakeController, agents: Agents) -> None:
    result, _ = await ended(controller, agents, shell("true", run_as="no-such-account"))
    assert (result.status, result.reason) == ("failed", "spawn_failed")
    assert "no-such-account" in (result.message or "")
    assert result.started_age_secs is None


async def test_a_working_directory_that_does_not_exist_is_told(
    controller: FakeController, agents: Agents
) -> None:
    result, _ = await ended(controller, agents, shell("true", working_dir="/no/such/place"))
    assert (result.status, result.reason) == ("failed", "spawn_failed")


async def test_a_job_gets_its_input_directory_and_variables(
    controller: FakeController, agents: Agents
) -> None:
    task = shell("cat; pwd; echo $GREETING", stdin="in\n", working_dir="/usr", env={"GREETING": "hello"})
    result, output = await ended(controller, agents, task)
    assert (result.status, output) == ("succeeded", "in\n/usr\nhello\n")


async def test_nothing_of_the_agents_own_environment_reaches_a_job(
    controller: FakeController, agents: Agents, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "TOCSIN_AGENT_KEY", "TOCSIN_AGENT_CONTROLLER", "AWS_SECRET")
    for name in secrets:
        monkeypatch.setenv(name, "of the agent")
    await agents.start()
    job = assignment("env", scheduled_for="2026-01-01T00:00:00Z", attempt_number=2)
    await controller.offer(job)
    await controller.result(job.execution_id)
    lines = controller.output(job.execution_id).splitlines()
    assert "of the agent" not in "".join(lines)
    seen = dict(line.split("=", 1) for line in lines)
    assert seen.keys() & set(secrets) == set()
    assert seen["TOCSIN_EXECUTION_ID"] == str(job.execution_id)
    assert seen["TOCSIN_JOB_NAME"] == "backup"
    assert seen["TOCSIN_ATTEMPT"] == "2"
    assert seen["TOCSIN_SCHEDULED_FOR"] == "2026-01-01T00:00:00Z"


async def test_a_task_cannot_hide_by_renaming_its_execution(
    controller: FakeController, agents: Agents
) -> None:
    task = shell("echo $TOCSIN_EXECUTION_ID", env={"TOCSIN_EXECUTION_ID": "somebody else"})
    _, output = await ended(controller, agents, task)
    assert "somebody else" not in output


async def test_a_job_that_is_killed_by_a_signal_says_which(
    controller: FakeController, agents: Agents
) -> None:
    result, _ = await ended(controller, agents, shell("kill -SEGV $$"))
    assert (result.reason, result.exit_code) == ("signal", 128 + signal.SIGSEGV)


async def test_a_child_left_in_the_background_does_not_hold_up_the_end(
    controller: FakeController, agents: Agents
) -> None:
    await agents.start()
    pid_file = agents.directory / "pid"
    job = assignment(f"sleep 60 & echo $! > {pid_file}; echo started")
    await controller.offer(job)
    result = await controller.result(job.execution_id)
    assert (result.status, controller.output(job.execution_id)) == ("succeeded", "started\n")
    pid = await pid_in(pid_file)
    assert is_running(pid)
    os.kill(pid, signal.SIGKILL)


async def test_no_more_runs_at_once_than_there_is_room_for(
    controller: FakeController, agents: Agents
) -> None:
    agent, _ = await agents.start(capacity=2)
    first = [assignment(task=NoopTask(type="noop", sleep_secs=0.2)) for _ in range(2)]
    await controller.offer(*first)
    await controller.until(lambda: all(controller.events(job.execution_id) for job in first))
    assert agent.running == 2
    third = assignment("true")
    await controller.offer(third)
    await controller.result(third.execution_id)
    assert all(controller.results(job.execution_id) for job in first)
