"""`tocsin-agent` as a process: killed and started again, under systemd, its status and its exit codes."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.integration.agent.conftest import BIN, AgentProcess, assignment, is_running
from tests.integration.agent.fake_controller import ENROLMENT_KEY, PATIENCE_SECS, FakeController, Refusal

from tocsin_agent.program import EXIT_BAD_CONFIGURATION, EXIT_SUPERSEDED
from tocsin_shared.protocol import EventsRequest, HeartbeatRequest, RegisterRequest


def tocsin_agent(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end with nothing else in its environment."""
    return subprocess.run(
        [BIN / "tocsin-agent", *arguments],
        env={"PATH": os.environ["PATH"]} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=15,
    )


async def status(agent: AgentProcess) -> list[str]:
    """What `tocsin-agent status` says, line by line."""
    said = await asyncio.to_thread(tocsin_agent, "status", "--state-dir", agent.state_dir)
    assert said.returncode == 0, said.stderr
    return said.stdout.splitlines()


async def status_json(agent: AgentProcess) -> Any:
    """The same for programs."""
    said = await asyncio.to_thread(tocsin_agent, "status", "--json", "--state-dir", agent.state_dir)
    assert said.returncode == 0, said.stderr
    return json.loads(said.stdout)


async def test_systemd_hears_of_it_and_jobs_do_not_hear_of_systemd(
    controller: FakeController, agent_process: AgentProcess, tmp_path: Path
) -> None:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        agent_process.start(
            NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="200000", TOCSIN_AGENT_TAGS="a,b"
        )
        heard: list[bytes] = []
        async with asyncio.timeout(15):
            while not ({b"WATCHDOG=1"} < set(heard) and any(h.startswith(b"READY=1\n") for h in heard)):
                heard.append(await loop.sock_recv(systemd, 1000))

        job = assignment("env")
        await controller.offer(job)
        await controller.result(job.execution_id)
        names = {line.partition("=")[0] for line in controller.output(job.execution_id).splitlines()}
        assert {"PATH", "TOCSIN_EXECUTION_ID"} <= names
        assert not {n for n in names if n.startswith(("TOCSIN_AGENT_", "NOTIFY", "WATCHDOG"))}

        assert agent_process.process is not None
        agent_process.process.terminate()
        async with asyncio.timeout(15):
            while not (await loop.sock_recv(systemd, 1000)).startswith(b"STOPPING=1\n"):
                pass
        assert await agent_process.ended() == 0
    assert controller.bodies("register", RegisterRequest)[0].tags == ["a", "b"]


async def test_systemd_hears_that_an_agent_is_ready_although_no_controller_answers(
    controller: FakeController, agent_process: AgentProcess, tmp_path: Path
) -> None:
    loop = asyncio.get_running_loop()
    controller.overloaded = {"register"}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        agent_process.start(NOTIFY_SOCKET=str(tmp_path / "notify"))
        async with asyncio.timeout(PATIENCE_SECS):
            said = await loop.sock_recv(systemd, 1000)
            assert said == b"READY=1\nSTATUS=Waiting for the controller to register with"
            controller.overloaded.clear()
            said = await loop.sock_recv(systemd, 1000)
            assert said == b"STATUS=In contact with the controller; 0 running"


async def test_sigterm_lets_a_job_finish_and_reports_it(
    controller: FakeController, agent_process: AgentProcess
) -> None:
    process = agent_process.start()
    go = agent_process.directory / "go"
    job = assignment(f"until [ -e {go} ]; do sleep 0.02; done; echo finished")
    await controller.offer(job)
    await controller.until(lambda: bool(controller.events(job.execution_id)))
    process.terminate()
    await controller.until(lambda: controller.bodies("heartbeat", HeartbeatRequest)[-1].draining)
    go.touch()
    assert await agent_process.ended() == 0
    assert controller.results(job.execution_id)[0].status == "succeeded"
    assert controller.output(job.execution_id) == "finished\n"


async def test_a_second_sigterm_ends_what_runs(
    controller: FakeController, agent_process: AgentProcess
) -> None:
    process = agent_process.start()
    job = assignment("exec sleep 60")
    await controller.offer(job)
    await controller.until(lambda: bool(controller.events(job.execution_id)))
    process.terminate()
    await controller.until(lambda: controller.bodies("heartbeat", HeartbeatRequest)[-1].draining)
    process.terminate()
    assert await agent_process.ended() == 0
    assert controller.results(job.execution_id)[0].reason == "agent_stopped"


async def test_status_shows_what_an_agent_has_on_its_hands(
    controller: FakeController, agent_process: AgentProcess
) -> None:
    process = agent_process.start()
    job = assignment("echo hello; exec sleep 60", job_name="nightly backup")
    await controller.offer(job)
    await controller.until(lambda: len(controller.events(job.execution_id)) == 2)
    (agent_id,) = controller.agents.values()
    said = await status(agent_process)
    assert said[0] == f"agent       process ({agent_id})"
    assert said[1] == f"process     running, pid {process.pid}"
    assert re.fullmatch(r"controller  heard this agent \d+ s ago; epoch 0", said[2])
    assert said[3] == "intake      open"
    assert said[4].startswith("journal     1 execution not settled, 0 results waiting, ")
    assert said[5] == "set aside   0 damaged pieces, 0 refused results"
    assert re.fullmatch(r"disk        [\d.]+ .?B free", said[6])
    entry = re.fullmatch(rf"{job.execution_id}  running +\d+ s +(\d+) +\d+ B +nightly backup", said[9])
    assert entry is not None
    assert is_running(int(entry[1]))

    seen = await status_json(agent_process)
    assert (seen["name"], seen["pid"], seen["in_contact"], seen["fenced"]) == (
        "process",
        process.pid,
        True,
        None,
    )
    (one,) = seen["executions"]
    assert (one["job"], one["state"], one["pid"]) == ("nightly backup", "running", int(entry[1]))
    assert one["output_bytes"] > len("hello\n")
    assert seen["spool"]["executions"] == 1


async def test_status_works_where_no_agent_runs_any_more(
    controller: FakeController, agent_process: AgentProcess
) -> None:
    agent_process.start()
    controller.overloaded = {"upload"}
    job = assignment("echo hello", job_name="nightly backup")
    await controller.offer(job)
    await controller.until(lambda: bool(controller.bodies("upload", EventsRequest)))
    await eventually_async(lambda: _has_ended(agent_process))
    agent_process.kill()
    said = await status(agent_process)
    assert said[1] == "process     not running"
    assert said[3] == "intake      none: no process"
    assert "1 execution not settled, 1 result waiting (the oldest for " in said[4]
    controller.overloaded.clear()
    agent_process.start()
    await controller.result(job.execution_id)
    await eventually_async(lambda: _has_nothing(agent_process))


async def _has_ended(agent: AgentProcess) -> bool:
    return [one["state"] for one in (await status_json(agent))["executions"]] == ["ended"]


async def _has_nothing(agent: AgentProcess) -> bool:
    return not (await status_json(agent))["executions"]


async def eventually_async(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECS):
        while not await condition():
            await asyncio.sleep(0.05)


def test_status_where_no_agent_has_run(tmp_path: Path) -> None:
    said = tocsin_agent("status", "--state-dir", tmp_path / "nothing")
    assert said.returncode == 1
    assert "no agent has run" in said.stderr
    assert not (tmp_path / "nothing").exists()


async def test_the_secret_shows_nowhere(controller: FakeController, agent_process: AgentProcess) -> None:
    agent_process.start(TOCSIN_AGENT_LOG_LEVEL="debug")
    job = assignment("echo hello # secret-in-command")
    await controller.offer(job)
    await controller.result(job.execution_id)
    await controller.settled(job.execution_id)
    (credential,) = set(controller.keys("poll"))
    log = agent_process.log()
    assert "agent_registered" in log
    for secret in (credential, ENROLMENT_KEY, "secret-in-command"):
        assert secret not in log
        assert secret not in "".join(await status(agent_process))


async def test_an_agent_superseded_again_and_again_exits_so_that_systemd_leaves_it_ended(
    controller: FakeController, agent_process: AgentProcess
) -> None:
    agent_process.start()
    for number in (1, 2):
        await controller.registrations(number)
        controller.refusals["heartbeat"] = Refusal(409, "superseded")
    assert await agent_process.ended() == EXIT_SUPERSEDED == 75
    assert "registers as this agent again and again" in agent_process.log()


async def test_a_second_process_with_the_same_directory_is_bad_configuration(
    controller: FakeController, agent_process: AgentProcess
) -> None:
    first = agent_process.start()
    await controller.until(lambda: bool(controller.bodies("register", RegisterRequest)))
    agent_process.start()
    try:
        assert await agent_process.ended() == EXIT_BAD_CONFIGURATION
        assert "another agent is running" in agent_process.log()
    finally:
        agent_process.process = first


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        ([], {}, "no controller"),
        (["--controller", "tocsin.example.org"], {}, "is not an address"),
        (["--controller", "http://c"], {}, "has no TLS"),
        (["--controller", "http://127.0.0.1", "--ca-file", "/ca.pem"], {}, "ca_file is set"),
        (["--controller", "https://u:p@c"], {}, "must not have a user"),
        (["--controller", "http://c"], {"TOCSIN_AGENT_CAPACITY": "many"}, "capacity"),
        (["--controller", "http://c", "--key-file", "/no/such/key"], {}, "can't be read"),
        (["--config", "/no/such/file"], {}, "can't be read"),
        (["--controller", "https://c", "--state-dir", "/proc/nothing"], {}, "can't be used"),
    ],
    ids=[
        "no controller",
        "no address",
        "no TLS",
        "certificates without TLS",
        "a password in the address",
        "bad setting",
        "no key file",
        "no configuration file",
        "no state directory",
    ],
)
def test_bad_configuration_exits_so_that_systemd_does_not_try_again(
    arguments: list[str], environment: dict[str, str], said: str
) -> None:
    ended = tocsin_agent("run", *arguments, **environment)
    assert ended.returncode == EXIT_BAD_CONFIGURATION == 78
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ("task_types = [", "is wrong: "),
        ("[network]\nallowed = []", "network.allowed: there is no such setting"),
        ("controllers = ['https://tocsin.example.org']", "controllers does not name 'http://127.0.0.1:1'"),
        (f"controller_fingerprints = ['{'00' * 32}']", "'http://127.0.0.1:1' has no TLS"),
        (None, "can't be read: No such file"),
    ],
)
def test_an_agent_does_not_start_with_a_policy_that_is_wrong_or_against_its_controller(
    tmp_path: Path, policy: str | None, said: str
) -> None:
    file = tmp_path / "policy.toml"
    if policy is not None:
        file.write_text(policy)
    arguments = ("--controller", "http://127.0.0.1:1", "--state-dir", tmp_path, "--policy-file", file)
    ended = tocsin_agent("run", *arguments)
    assert ended.returncode == EXIT_BAD_CONFIGURATION
    assert said in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


async def test_a_policy_is_read_again_when_told_and_a_broken_one_changes_nothing(
    controller: FakeController, agent_process: AgentProcess, tmp_path: Path
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("task_types = ['shell']")
    agent_process.start(TOCSIN_AGENT_POLICY_FILE=str(file))
    assert agent_process.process is not None

    async def ends_as() -> str | None:
        job = assignment("true")
        async with asyncio.timeout(PATIENCE_SECS):
            while not controller.results(job.execution_id):
                await controller.offer(job)  # again and again: the poll given up by registering may take one
                with suppress(TimeoutError):
                    await controller.until(lambda: bool(controller.results(job.execution_id)), 0.5)
        return controller.results(job.execution_id)[0].reason

    async def reload(policy: str, event: str) -> str:
        before = agent_process.log().count(event)
        file.write_text(policy)
        assert agent_process.process is not None
        agent_process.process.send_signal(signal.SIGHUP)
        async with asyncio.timeout(PATIENCE_SECS):
            while agent_process.log().count(event) == before:
                await asyncio.sleep(0.02)
        return next(line for line in reversed(agent_process.log().splitlines()) if event in line)

    assert await ends_as() is None
    await reload("task_types = ['noop']", "policy_changed")
    await controller.until(lambda: len(controller.bodies("register", RegisterRequest)) == 2)
    assert controller.bodies("register", RegisterRequest)[-1].task_types == ["noop"]
    assert await ends_as() == "refused_by_agent"
    assert "task_type: there is no such setting" in await reload("task_type = ['shell']", "policy_kept")
    why = await reload("controllers = ['https://other.example.org']", "policy_kept")
    assert "controllers does not name" in why
    assert await ends_as() == "refused_by_agent"
    await reload("", "policy_changed")
    await controller.until(lambda: len(controller.bodies("register", RegisterRequest)) == 3)
    assert await ends_as() is None


def test_a_policy_can_be_checked_before_an_agent_has_it(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("task_types = ['shell', 'http']\nrun_as = []\n[network]\ndefault = 'public'")
    ended = tocsin_agent("check-policy", file)
    assert ended.returncode == 0
    told = dict(line.split("  ", 1) for line in ended.stdout.splitlines())
    assert told["types of task"].strip() == "http, shell"
    assert told["accounts"].strip() == "none"
    assert told["else called"].strip() == "the internet alone"
    file.write_text("task_type = []")
    ended = tocsin_agent("check-policy", file)
    assert (ended.returncode, "task_type: there is no such setting" in ended.stderr) == (78, True)


def test_a_damaged_identity_is_bad_configuration(tmp_path: Path) -> None:
    (tmp_path / "identity.json").write_text("{")
    ended = tocsin_agent("run", "--controller", "http://127.0.0.1:1", "--state-dir", tmp_path)
    assert ended.returncode == EXIT_BAD_CONFIGURATION
    assert "restore it, or move it away" in ended.stderr
    assert (tmp_path / "identity.json").read_text() == "{"
