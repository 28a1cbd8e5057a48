"""What tests of jobs that outlive their agent look at, and how they restart it."""

import base64
from pathlib import Path
from uuid import UUID

from tests.integration.agent.conftest import (
    AgentProcess,
)
from tests.integration.agent.fake_controller import FakeController

from tocsin_agent.journal.journal import OUTPUT_DIR
from tocsin_agent.runtime.adoption import living_keepers
from tocsin_shared.executions import Stream
from tocsin_shared.protocol import (
    Assignment,
    OutputEvent,
    PollRequest,
    RegisterRequest,
)


def output_dir(agent: AgentProcess) -> Path:
    return agent.state_dir / "journal" / OUTPUT_DIR


def keepers(agent: AgentProcess) -> dict[UUID, int]:
    return dict(living_keepers(output_dir(agent)).here)


def end_file(agent: AgentProcess, job: Assignment) -> Path:
    return output_dir(agent) / f"{job.execution_id}.end"


def waiting(directory: Path, then: str) -> tuple[str, Path]:
    """A command that prints, waits for a file and goes on; with the file."""
    go = directory / "go"
    return f"echo before; until [ -e {go} ]; do sleep 0.02; done; {then}", go


async def started(controller: FakeController, job: Assignment, text: str = "before\n") -> None:
    """Return once the controller has its first output."""
    await controller.offer(job)
    await controller.until(lambda: controller.output(job.execution_id) == text)


def output(controller: FakeController, job: Assignment, stream: Stream) -> bytes:
    """All of one stream, which has no gap."""
    whole = b""
    chunks = [e for e in controller.events(job.execution_id) if isinstance(e, OutputEvent)]
    for chunk in sorted((c for c in chunks if c.stream is stream), key=lambda c: c.offset):
        assert chunk.offset == len(whole)
        whole += base64.b64decode(chunk.data_base64) if chunk.data_base64 else chunk.data.encode()
    return whole


async def registered_again(controller: FakeController, before: int) -> None:
    await controller.until(lambda: len(controller.bodies("register", RegisterRequest)) > before)


async def restart(controller: FakeController, agent: AgentProcess) -> None:
    """Kill the agent; return once the next one has adopted what that left and waits for orders."""
    agent.kill()
    polls = len(controller.bodies("poll", PollRequest))
    agent.start()
    await controller.until(lambda: len(controller.bodies("poll", PollRequest)) > polls)
    assert "execution_adopted" in agent.log()
