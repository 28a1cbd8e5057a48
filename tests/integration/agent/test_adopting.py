"""Jobs go on while no agent is there, and the next one takes them up as if nothing had happened."""

import asyncio
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from tests.integration.agent.conftest import (
    AgentProcess,
    Agents,
    assignment,
    eventually,
    is_running,
    pid_in,
)
from tests.integration.agent.fake_controller import PATIENCE_SECS, FakeController
from tests.integration.agent.outliving import (
    end_file,
    keepers,
    output,
    output_dir,
    registered_again,
    restart,
    started,
    waiting,
)
from tests.net import free_port

from tocsin_agent.clock import Moment, boot_id
from tocsin_agent.journal.framing import frames
from tocsin_agent.journal.journal import OUTPUT_DIR
from tocsin_agent.journal.records import Intent, ProcessMark, Started, encode
from tocsin_agent.runtime.adoption import SOCKET_NAME, living_keepers
from tocsin_shared.executions import Stream
from tocsin_shared.ids import new_id
from tocsin_shared.protocol import (
    Assignment,
    CancelOrder,
    GivenScript,
    OutputEvent,
    OutputLimits,
    PollRequest,
    RegisterRequest,
    StopOrder,
)
from tocsin_shared.tasks import NoopTask, ScriptTask


async def test_a_script_goes_on_without_its_agent_as_a_command_does(
    controller: FakeController, agent_process: AgentProcess
) -> None:
    port = free_port()
    code = f"""
print("before")
for _ in range(1000):
    if tcp_send("127.0.0.1:{port}", "").error == "":
        break
    sleep_ms(50)
fail("in the end")
"""
    agent_process.start()
    script = GivenScript(name="s", script_type="starlark", code=code)
    job = assignment(task=ScriptTask(type="script", script_name="s"), script=script)
    await started(controller, job)
    await restart(controller, agent_process)
    gate = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", port)
    result = await controller.result(job.execution_id)
    gate.close()
    assert (result.status, result.reason, result.exit_code) == ("failed", "exit_code", 1)
    assert output(controller, job, Stream.STDOUT) == b"before\n"
    assert output(controller, job, Stream.STDERR) == b"in the end\n"


async def test_a_killed_agent_finds_its_job_again_and_tells_its_true_end(
    controller: FakeController, agent_process: AgentProcess
) -> None:
    job, go = await _held(controller, agent_process, "echo after; exit 7")
    await restart(controller, agent_process)
    go.touch()
    result = await controller.result(job.execution_id)
    assert (result.status, result.reason, result.exit_code) == ("failed", "exit_code", 7)
    assert controller.output(job.execution_id) == "before\nafter\n"
    assert result.stdout_bytes == len("before\nafter\n")
    await controller.settled(job.execution_id)
    await eventually(lambda: not keepers(agent_process))
    assert list(output_dir(agent_process).iterdir()) == []


async def test_the_new_agent_names_what_it_adopted_in_its_first_poll(
    controller: FakeController, agent_process: AgentProcess
) -> None:
    agent_process.start()
    job = assignment("echo before; exec sleep 60")
    await started(controller, job)
    agent_process.kill()
    polls = len(controller.bodies("poll", PollRequest))
    agent_process.start()
    await controller.until(lambda: len(controller.bodies("poll", PollRequest)) > polls)
    first = controller.bodies("poll", PollRequest)[polls]
    assert [held.execution_id for held in first.running] == [job.execution_id]
    await controller.cancel(CancelOrder(execution_id=job.execution_id, fence=1))
    await controller.result(job.execution_id)


async def test_output_goes_on_after_adoption_while_the_job_still_runs(
    controller: FakeController, agent_process: AgentProcess
) -> None:
    job, go = await _held(controller, agent_process, "echo after; exec sleep 60")
    await restart(controller, agent_process)
    go.touch()
    await controller.until(lambda: controller.output(job.execution_id) == "before\nafter\n")
    assert controller.results(job.execution_id) == []
    await controller.cancel(CancelOrder(execution_id=job.execution_id, fence=1))
    assert (await controller.result(job.execution_id)).status == "cancelled"


async def test_a_job_that_ended_while_no_agent_was_there_is_told_as_it_ended(
    controller: FakeController, agent_process: AgentProcess
) -> None:
    job, go = await _held(controller, agent_process, "echo after; echo sorry >&2; exit 3")
    agent_process.kill()
    go.touch()
    await eventually(lambda: end_file(agent_process, job).exists() and not keepers(agent_process))

    agent_process.start()
    result = await controller.result(job.execution_id)
    assert (result.status, result.reason, result.exit_code) == ("failed", "exit_code", 3)
    assert output(controller, job, Stream.STDOUT) == b"before\nafter\n"
    assert output(controller, job, Stream.STDERR) == b"sorry\n"
    assert result.usage.cpu_secs is not None
    assert result.usage.peak_memory_bytes
    await controller.settled(job.execution_id)
    await eventually(lambda: list(output_dir(agent_process).iterdir()) == [])


async def test_a_timeout_is_kept_while_no_agent_is_there(
    controller: FakeController, agent_process: AgentProcess
) -> None:
    agent_process.start()
    pid_file = agent_process.directory / "pid"
    job = assignment(
        f"echo before; setsid sh -c 'echo $$ > {pid_file}; exec sleep 60' & wait", timeout_secs=2
    )
    await started(controller, job)
    pid = await pid_in(pid_file)
    agent_process.kill()
    await eventually(lambda: end_file(agent_process, job).exists())
    assert not is_running(pid)

    agent_process.start()
    result = await controller.result(job.execution_id)
    assert (result.status, result.reason) == ("timed_out", "timeout")
    assert result.message == "Took longer than 2 s."


@pytest.mark.parametrize(
    "detached",
    ["setsid sh -c '{body}' &", "(setsid setsid env -i sh -c '{body}' &) &"],
    ids=["own session", "orphan without environment"],
)
async def test_a_cancel_after_adoption_ends_all_of_it(
    controller: FakeController, agent_process: AgentProcess, detached: str
) -> None:
    agent_process.start()
    pid_file = agent_process.directory / "pid"
    body = f'echo $$ > {pid_file}; trap "" TERM; while :; do sleep 1; done'
    job = assignment(f"echo before; {detached.format(body=body)}\nsleep 60")
    await started(controller, job)
    pid = await pid_in(pid_file)
    await restart(controller, agent_process)
    await controller.cancel(CancelOrder(execution_id=job.execution_id, fence=1, grace_secs=0.2))
    result = await controller.result(job.execution_id)
    assert (result.status, result.reason) == ("cancelled", "cancelled")
    assert not is_running(pid)


async def test_a_stop_order_after_adoption_kills_and_nothing_is_reported(
    controller: FakeController, agent_process: AgentProcess
) -> None:
    job, pid = await _sleeping(controller, agent_process)
    await restart(controller, agent_process)
    await controller.stop(StopOrder(execution_id=job.execution_id, fence=1, why="lost"))
    await controller.settled(job.execution_id)
    await eventually(lambda: not is_running(pid))
    assert controller.results(job.execution_id) == []


async def test_a_keeper_that_hangs_up_and_lives_is_asked_again(
    controller: FakeController, agent_process: AgentProcess
) -> None:
    job, go = await _held(controller, agent_process, "echo after; exit 7")
    await restart(controller, agent_process)
    await eventually(lambda: not (output_dir(agent_process) / SOCKET_NAME).exists())
    os.kill(keepers(agent_process)[job.execution_id], signal.SIGUSR1)  # as an agent's question that came late
    go.touch()
    result = await controller.result(job.execution_id)
    assert (result.status, result.reason, result.exit_code) == ("failed", "exit_code", 7)
    assert controller.output(job.execution_id) == "before\nafter\n"


async def test_a_killed_keeper_means_interrupted_and_nothing_of_the_job_is_left(
    controller: FakeController, agent_process: AgentProcess
) -> None:
    agent_process.start()
    shell_pid, detached_pid = agent_process.directory / "shell", agent_process.directory / "detached"
    job = assignment(
        f"echo before; echo $$ > {shell_pid}; setsid sh -c 'echo $$ > {detached_pid}; exec sleep 60' & sleep 60"
    )
    await started(controller, job)
    pids = [await pid_in(shell_pid), await pid_in(detached_pid)]
    os.kill(keepers(agent_process)[job.execution_id], signal.SIGKILL)
    result = await controller.result(job.execution_id)
    assert (result.status, result.reason, result.exit_code) == ("failed", "interrupted", None)
    assert result.stdout_bytes == len("before\n")
    assert not any(map(is_running, pids))


async def test_a_keeper_killed_while_no_agent_is_there_means_interrupted_and_nothing_is_left(
    controller: FakeController, agent_process: AgentProcess
) -> None:
    agent_process.start()
    detached_pid = agent_process.directory / "detached"
    job = assignment(f"echo before; setsid sh -c 'echo $$ > {detached_pid}; exec sleep 60' & sleep 60")
    await started(controller, job)
    pid = await pid_in(detached_pid)
    keeper = keepers(agent_process)[job.execution_id]
    agent_process.kill()
    os.kill(keeper, signal.SIGKILL)
    assert is_running(pid)

    agent_process.start()
    result = await controller.result(job.execution_id)
    assert (result.status, result.reason) == ("failed", "interrupted")
    assert controller.output(job.execution_id) == "before\n"
    assert not is_running(pid)
    await controller.settled(job.execution_id)

    before = len(controller.bodies("register", RegisterRequest))
    agent_process.kill()
    agent_process.start()
    await registered_again(controller, before)
    assert len(controller.results(job.execution_id)) == 1


@pytest.mark.parametrize("boot", [None, "another-boot"], ids=["number used again", "another boot"])
async def test_whoever_has_the_number_of_a_job_now_is_left_alone(
    controller: FakeController, agent_process: AgentProcess, boot: str | None
) -> None:
    execution_id = new_id()
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as bystander:
        mark = ProcessMark(bystander.pid, 1.0, boot or boot_id())
        journal = agent_process.state_dir / "journal"
        journal.mkdir(parents=True)
        intent = Intent(execution_id, 2, "backup", "shell", Moment.now())
        begun = Started(execution_id, Moment.now(), mark)
        (journal / "control.log").write_bytes(frames([encode(intent), encode(begun)]))
        try:
            agent_process.start()
            result = await controller.result(execution_id)
            assert (result.status, result.reason) == ("failed", "interrupted")
            assert bystander.poll() is None
        finally:
            bystander.kill()


async def test_a_keeper_that_the_journal_does_not_know_is_ended(
    controller: FakeController, agent_process: AgentProcess
) -> None:
    job, pid = await _sleeping(controller, agent_process)
    agent_process.kill()
    (agent_process.state_dir / "journal" / "control.log").write_bytes(b"")
    agent_process.start()
    await eventually(lambda: not is_running(pid))
    assert controller.results(job.execution_id) == []


async def test_a_task_inside_a_killed_agent_is_interrupted(
    controller: FakeController, agent_process: AgentProcess
) -> None:
    agent_process.start()
    job = assignment(task=NoopTask(type="noop", sleep_secs=60))
    await controller.offer(job)
    await controller.until(lambda: bool(controller.events(job.execution_id)))
    agent_process.kill()
    agent_process.start()
    result = await controller.result(job.execution_id)
    assert (result.status, result.reason) == ("failed", "interrupted")


async def test_output_over_the_limit_while_no_agent_is_there_keeps_start_and_end(
    controller: FakeController, agent_process: AgentProcess
) -> None:
    controller.limits = OutputLimits(max_bytes_per_stream=20_000, flush_secs=0.02)
    printing = "i=0; while [ $i -lt 9000 ]; do echo line-$i; i=$((i+1)); done"
    job, go = await _held(controller, agent_process, printing)
    agent_process.kill()
    go.touch()
    await eventually(lambda: end_file(agent_process, job).exists())
    assert sum(file.stat().st_size for file in output_dir(agent_process).iterdir()) < 200_000
    agent_process.start()
    result = await controller.result(job.execution_id)
    whole = "before\n" + "".join(f"line-{i}\n" for i in range(9000))
    assert (result.stdout_bytes, result.stdout_truncated) == (len(whole), True)
    chunks = {
        event.offset: event.data
        for event in controller.events(job.execution_id)
        if isinstance(event, OutputEvent)
    }
    assert all(whole[offset : offset + len(data)] == data for offset, data in chunks.items())
    head = max(offset + len(data) for offset, data in chunks.items() if offset < 10_000)
    tail = min(offset for offset in chunks if offset > 10_000)
    assert head == 10_000
    assert tail == len(whole) - 10_000


async def test_bytes_that_are_no_text_arrive_as_they_were(
    controller: FakeController, agent_process: AgentProcess
) -> None:
    source = agent_process.directory / "binary"
    source.write_bytes(os.urandom(300_000) + "täxt €".encode() + b"\xe2\x82")
    job, go = await _held(controller, agent_process, f"cat {source}")
    agent_process.kill()
    go.touch()
    await eventually(lambda: end_file(agent_process, job).exists())
    agent_process.start()
    await controller.result(job.execution_id)
    assert output(controller, job, Stream.STDOUT) == b"before\n" + source.read_bytes()


async def test_many_short_jobs_all_end_and_leave_nothing(controller: FakeController, agents: Agents) -> None:
    await agents.start(capacity=120, max_batch=120)
    jobs = [assignment(f"echo {number}; exit {number % 3}") for number in range(120)]
    await controller.offer(*jobs)
    for number, job in enumerate(jobs):
        assert (await controller.result(job.execution_id)).exit_code == number % 3
        assert controller.output(job.execution_id) == f"{number}\n"
    await controller.settled(*(job.execution_id for job in jobs))
    directory = agents.state_dir() / "journal" / OUTPUT_DIR
    await eventually(lambda: not living_keepers(directory).here)
    assert list(directory.iterdir()) == []


async def test_an_agent_that_stood_still_removes_what_the_keeper_left(
    controller: FakeController, agents: Agents
) -> None:
    await agents.start()
    job = assignment("sleep 0.2; exit 3")
    await controller.offer(job)
    await controller.until(lambda: bool(controller.events(job.execution_id)))
    directory = agents.state_dir() / "journal" / OUTPUT_DIR
    deadline = time.monotonic() + PATIENCE_SECS
    while not list(directory.glob("*.end")) and time.monotonic() < deadline:
        time.sleep(0.1)  # the agent stands still, too: it runs in this process
    assert list(directory.glob("*.end"))
    assert (await controller.result(job.execution_id)).exit_code == 3
    await eventually(lambda: list(directory.iterdir()) == [])


async def test_a_killed_nursery_is_replaced(controller: FakeController, agents: Agents) -> None:
    await agents.start()
    first = assignment("true")
    await controller.offer(first)
    await controller.result(first.execution_id)
    (nursery,) = [
        int(pid.name)
        for pid in Path("/proc").iterdir()
        if pid.name.isdigit() and _command(pid).startswith(f"tocsin-keeper {agents.state_dir()}")
    ]
    os.kill(nursery, signal.SIGKILL)
    await eventually(lambda: not is_running(nursery))
    second = assignment("echo hello")
    await controller.offer(second)
    assert (await controller.result(second.execution_id)).status == "succeeded"


def _command(process: Path) -> str:
    try:
        return (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


async def test_the_keeper_ends_what_it_may_not_run_any_more_though_its_agent_is_dead(
    controller: FakeController, agent_process: AgentProcess
) -> None:
    job, pid = await _sleeping(controller, agent_process, self_fence_secs=3, kill_grace_secs=0)
    # The agent tells its keeper the instant as soon as it looks at the clock.
    await asyncio.sleep(1)
    agent_process.kill()
    await eventually(lambda: not is_running(pid))
    await eventually(lambda: end_file(agent_process, job).exists())
    agent_process.start()
    result = await controller.result(job.execution_id)
    assert (result.status, result.reason) == ("failed", "self_fenced")


async def _sleeping(
    controller: FakeController, agent_process: AgentProcess, **settings: Any
) -> tuple[Assignment, int]:
    """A job that prints `before` and sleeps under an agent that was just started, and its process."""
    agent_process.start()
    pid_file = agent_process.directory / "pid"
    job = assignment(f"echo $$ > {pid_file}; echo before; exec sleep 60", **settings)
    await started(controller, job)
    return job, await pid_in(pid_file)


async def _held(
    controller: FakeController, agent_process: AgentProcess, then: str
) -> tuple[Assignment, Path]:
    """A job that prints `before` and goes on with `then` once this file is there."""
    agent_process.start()
    command, go = waiting(agent_process.directory, then)
    job = assignment(command)
    await started(controller, job)
    return job, go
