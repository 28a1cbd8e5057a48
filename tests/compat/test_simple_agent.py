"""The agent of the documentation's example, run as it stands."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.compat.conftest import AGENT, Controller

EXAMPLE = Path(__file__).parents[2] / "docs/agents/simple_agent.py"


@pytest.fixture
def example(controller: Controller) -> Iterator[subprocess.Popen[str]]:
    """The file, started with the interpreter alone: no package of ours or of others."""
    environment = {"TOCSIN_URL": controller.url, "TOCSIN_KEY": AGENT, "PATH": os.environ["PATH"]}
    command = [sys.executable, "-I", "-S", str(EXAMPLE)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


async def test_the_example_runs_custom_jobs(controller: Controller, example: subprocess.Popen[str]) -> None:
    agent = await controller.agent_named("example")
    assert (agent["agent_type"], agent["status"], agent["tags"]) == ("custom", "online", ["demo"])
    job_id = await controller.custom_job("greeting", {"who": "wörld"})
    for _ in range(2):
        execution = await controller.ended(await controller.trigger(job_id))
        assert (execution["status"], execution["exit_code"]) == ("succeeded", 0)
        assert execution["stdout"] == "did greet with {'who': 'wörld'}\n"
        assert execution["agent_id"] == agent["id"]
    assert example.poll() is None


async def test_the_example_takes_what_waited_for_it_by_tag(
    controller: Controller, example: subprocess.Popen[str]
) -> None:
    await controller.agent_named("example")
    job_id = await controller.custom_job("tagged", {}, target={"type": "tagged", "tag": "demo"})
    assert (await controller.ended(await controller.trigger(job_id)))["status"] == "succeeded"


async def test_the_example_is_given_no_other_tasks(
    controller: Controller, example: subprocess.Popen[str]
) -> None:
    await controller.agent_named("example")
    shell = {"type": "shell", "command": "true"}
    job_id = await controller.custom_job("shell", {}, task=shell, queue_timeout_secs=1)
    execution = await controller.ended(await controller.trigger(job_id))
    assert (execution["status"], execution["reason"]) == ("failed", "no_agent")


def test_the_example_is_as_short_as_it_is_said_to_be() -> None:
    lines = [line for line in EXAMPLE.read_text().splitlines() if line.strip()]
    assert len(lines) <= 36


async def test_what_the_example_prints_is_judged_by_the_rules_of_its_job(
    controller: Controller, example: subprocess.Popen[str]
) -> None:
    await controller.agent_named("example")
    rules = {
        "extractions": [{"name": "who", "pattern": r"'who': '(\pL+)'"}],
        "assertions": [{"pattern": "goodbye", "message": "it did not say goodbye"}],
    }
    job_id = await controller.custom_job("judged", {"who": "wörld"}, output_rules=rules)
    execution = await controller.ended(await controller.trigger(job_id))
    assert (execution["status"], execution["reason"]) == ("failed", "assertion_failed")
    assert execution["extracted"] == {"who": "wörld"}
    assert execution["stderr"].endswith("[assertion failed] it did not say goodbye\n")
