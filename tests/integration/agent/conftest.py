"""An agent and its (fake) controller: in this process where a test looks inside, as a process where it kills."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.integration.agent.fake_controller import ENROLMENT_KEY, PATIENCE_SECS, FakeController, serving
from tests.keepers import end_keepers

from tocsin_agent.daemon import Agent
from tocsin_agent.http_link import HttpLink
from tocsin_agent.journal.inspect import Unsettled, unsettled
from tocsin_shared.ids import new_id
from tocsin_shared.protocol import Assignment
from tocsin_shared.tasks import ShellTask, Task

BIN = Path(sys.executable).parent


def assignment(command: str = "true", *, task: Task | None = None, **given: Any) -> Assignment:
    """A shell job to be handed out."""
    fields = {
        "execution_id": new_id(),
        "run_id": new_id(),
        "job_id": new_id(),
        "job_name": "backup",
        "fence": 1,
        "kill_grace_secs": 0.2,
        "task": task or ShellTask(type="shell", command=command),
    }
    return Assignment(**(fields | given))


async def eventually(condition: Callable[[], bool]) -> None:
    """For what no call to the controller tells of: files and processes."""
    async with asyncio.timeout(PATIENCE_SECS):
        while not condition():
            await asyncio.sleep(0.01)


def is_running(pid: int) -> bool:
    """Whether there is such a process that is more than an entry in the table."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def pid_in(file: Path) -> int:
    """The process number that a job wrote to a file."""
    await eventually(lambda: file.exists() and file.read_text().endswith("\n"))
    return int(file.read_text())


@dataclass
class Agents:
    """Agents in this process, with state directories of their own below one."""

    controller: FakeController
    directory: Path
    running: list[tuple[Agent, asyncio.Task[None], HttpLink]] = field(default_factory=list)

    def state_dir(self, name: str = "one") -> Path:
        return self.directory / f"agent-{name}"

    def unsettled(self, name: str = "one") -> list[Unsettled]:
        return unsettled(self.state_dir(name) / "journal")

    async def all_settled(self) -> None:
        """Return once nothing is left in the journal; the last record of a settled execution is written late."""
        await eventually(lambda: self.unsettled() == [])

    async def start(self, name: str = "one", **settings: Any) -> tuple[Agent, asyncio.Task[None]]:
        """An agent that has registered."""
        link = HttpLink(self.controller.url, "")
        agent = Agent(
            link=link,
            state_dir=self.state_dir(name),
            name=name,
            min_free_bytes=0,
            **({"enrolment_key": ENROLMENT_KEY} | settings),
        )
        task = asyncio.create_task(agent.run())
        self.running.append((agent, task, link))
        registered = asyncio.ensure_future(agent.wait_until_registered())
        await asyncio.wait({task, registered}, return_when=asyncio.FIRST_COMPLETED, timeout=PATIENCE_SECS)
        registered.cancel()
        return agent, task

    async def stop(self) -> None:
        """End all of them, whatever they do."""
        for agent, task, link in self.running:
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task
            await link.close()
            assert agent.running == 0
        self.running.clear()
        for state_dir in self.directory.glob("agent-*"):
            end_keepers(state_dir)


@dataclass
class AgentProcess:
    """`tocsin-agent run` as an operator starts it."""

    controller: FakeController
    directory: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def state_dir(self) -> Path:
        return self.directory / "state"

    def start(self, **environment: str) -> subprocess.Popen[bytes]:
        variables = {
            "PATH": os.environ["PATH"],
            "TOCSIN_AGENT_CONTROLLER": self.controller.url,
            "TOCSIN_AGENT_KEY": ENROLMENT_KEY,
            "TOCSIN_AGENT_NAME": "process",
            "TOCSIN_AGENT_STATE_DIR": str(self.state_dir),
            "TOCSIN_AGENT_MIN_FREE_BYTES": "0",
        } | environment
        with (self.directory / "agent.log").open("ab") as log:
            self.process = subprocess.Popen(
                [BIN / "tocsin-agent", "run"], env=variables, stdout=log, stderr=log
            )
        return self.process

    async def ended(self) -> int:
        """Its exit code."""
        assert self.process is not None
        return await asyncio.wait_for(asyncio.to_thread(self.process.wait), PATIENCE_SECS)

    def kill(self) -> None:
        """As the kernel does when memory is short."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def log(self) -> str:
        return (self.directory / "agent.log").read_text()


@pytest.fixture
async def controller() -> AsyncIterator[FakeController]:
    async with serving() as fake:
        yield fake


@pytest.fixture
async def agents(controller: FakeController, tmp_path: Path) -> AsyncIterator[Agents]:
    several = Agents(controller, tmp_path)
    yield several
    await several.stop()


@pytest.fixture
def agent_process(controller: FakeController, tmp_path: Path) -> Iterator[AgentProcess]:
    one = AgentProcess(controller, tmp_path)
    yield one
    if one.process is not None and one.process.poll() is None:
        one.process.terminate()
        try:
            one.process.wait(5)
        except subprocess.TimeoutExpired:
            one.kill()
    end_keepers(one.state_dir)
