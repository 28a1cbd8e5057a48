"""The agents of docs/agents/, started as their first lines say."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.compat.conftest import AGENT, Controller
from tests.services import require

AGENTS = Path(__file__).parents[2] / "docs/agents"


@dataclass
class Example:
    """One of them, and the name that it registers with."""

    name: str
    process: subprocess.Popen[bytes]


@pytest.fixture(scope="session")
def go_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The one in Go, compiled."""
    go = require("Go", "go")
    program = tmp_path_factory.mktemp("go") / "agent"
    subprocess.run([go, "build", "-o", program, AGENTS / "go_agent.go"], env=_compiling(), check=True)
    return program


def _compiling() -> dict[str, str]:
    return {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GO111MODULE": "off", "GOTOOLCHAIN": "local"}


@pytest.fixture(params=["sdk", "bash", "go"])
def example(request: pytest.FixtureRequest, controller: Controller, tmp_path: Path) -> Iterator[Example]:
    """Each in turn."""
    argv: list[str | Path]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    told = {"TOCSIN_URL": controller.url, "TOCSIN_KEY": AGENT}
    if request.param == "sdk":
        argv = [sys.executable, AGENTS / "sdk_agent.py"]
        told = {"TOCSIN_AGENT_CONTROLLER": controller.url, "TOCSIN_AGENT_KEY": AGENT}
    elif request.param == "bash":
        require("curl", "curl")
        require("jq", "jq")
        argv = [AGENTS / "bash_agent.sh"]
    else:
        argv = [request.getfixturevalue("go_program")]
    with subprocess.Popen(argv, env=environment | told, start_new_session=True) as process:
        yield Example(f"{request.param}-example", process)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


async def job(controller: Controller, task_type: str, data: dict[str, Any], **definition: Any) -> str:
    """A job of this type, for any agent; its id."""
    task = {"type": "custom", "agent_task_type": task_type, "data": data}
    return await controller.custom_job(f"job-{uuid.uuid4()}", {}, task=task, **definition)


async def test_an_example_does_what_it_says_it_can(controller: Controller, example: Example) -> None:
    agent = await controller.agent_named(example.name)
    assert (agent["agent_type"], agent["tags"]) == ("custom", ["demo"])
    types = {one["name"]: one for one in agent["task_types"]}
    assert {"greet", "nap"} <= types.keys()
    assert types["greet"]["fields"][0] == {"field_type": "text", "name": "who"} | types["greet"]["fields"][0]

    greeting = await job(controller, "greet", {"who": "wörld"})
    for _ in range(2):
        execution = await controller.ended(await controller.trigger(greeting))
        assert (execution["status"], execution["exit_code"]) == ("succeeded", 0)
        assert (execution["stdout"], execution["agent_id"]) == ("hello wörld\n", agent["id"])

    unknown = await controller.ended(await controller.trigger(await job(controller, "dance", {})))
    assert unknown["status"] == "failed"
    long = await job(controller, "nap", {"secs": 60}, timeout_secs=1)
    assert (await controller.ended(await controller.trigger(long)))["status"] == "timed_out"
    assert example.process.poll() is None


@pytest.mark.parametrize("example", ["sdk"], indirect=True)
async def test_an_agent_of_the_sdk_is_cancelled_and_ends_in_order(
    controller: Controller, example: Example
) -> None:
    await controller.agent_named(example.name)
    labels = await job(controller, "print_label", {"text": "Fragile", "copies": 10_000})
    execution_id = await controller.trigger(labels)
    await controller.printed(execution_id, "label 2 of 10000: Fragile")
    await controller.call("POST", f"/api/executions/{execution_id}/cancel")
    assert (await controller.ended(execution_id))["status"] == "cancelled"
    example.process.terminate()
    assert example.process.wait(30) == 0
