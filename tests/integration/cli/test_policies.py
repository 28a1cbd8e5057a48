"""What a controller and an agent refuse, as somebody sees it who runs a job there."""

import asyncio
from pathlib import Path

import pytest
from tests.integration.cli.conftest import Tocsin

from tocsin_agent.daemon import Agent
from tocsin_agent.http_link import HttpLink
from tocsin_agent.policy.file import parse_policy
from tocsin_controller.settings import ControllerSettings


def manifest(name: str, task: str, target: str) -> str:
    return f"name: {name}\nschedule: {{type: on_demand}}\ntarget: {target}\ntask: {task}\n"


@pytest.mark.usefixtures("controller")
async def test_a_job_on_the_controller_does_not_call_the_controller(
    tocsin: Tocsin, settings: ControllerSettings
) -> None:
    task = f"{{type: http, method: get, url: 'http://127.0.0.1:{settings.port}/api/health'}}"
    made = await tocsin("jobs", "create", "-f", "-", stdin=manifest("self", task, "{type: local}"))
    assert made.exit_code == 0, made.stderr
    done = await tocsin("run", "self", "--follow")
    assert done.exit_code == 1
    assert "127.0.0.1 may not be called: the network policy refuses loopback addresses." in done.stderr


@pytest.mark.usefixtures("controller")
async def test_what_an_agent_refuses_is_told_with_its_rule(
    tocsin: Tocsin, settings: ControllerSettings, tmp_path: Path
) -> None:
    key = (await tocsin("keys", "create", "careful", "--role", "agent", "-q")).stdout.strip()
    policy = parse_policy(f"task_types = ['shell']\n[directories]\nworking = ['{tmp_path}']")
    async with HttpLink(f"http://127.0.0.1:{settings.port}", key) as link:
        agent = Agent(
            link=link, state_dir=tmp_path / "careful", name="careful", enrolment_key=key, policy=policy
        )
        running = asyncio.create_task(agent.run())
        try:
            await asyncio.wait_for(agent.wait_until_registered(), 30)
            shown = (await tocsin("agents", "show", "careful", "-o", "json")).json
            assert shown["task_types"] == ["shell"]
            task = "{type: shell, command: pwd, working_dir: /etc}"
            await tocsin("jobs", "create", "-f", "-", stdin=manifest("there", task, "{type: any}"))
            done = await tocsin("run", "there", "--follow")
            assert done.exit_code == 1
            assert "directories.working does not hold '/etc'" in done.stderr
        finally:
            agent.begin_drain(grace_secs=0.1)
            await running
