"""What dies may die: nothing runs twice, nothing that ran is forgotten, the status says what is known."""

import asyncio
import signal
from pathlib import Path

from tests.integration.fleet.conftest import Fleet


def witness(directory: Path) -> tuple[str, Path]:
    """A command that notes its own start and end in a file."""
    file = directory / f"witness-{len(list(directory.iterdir()))}"
    return f"echo start $TOCSIN_EXECUTION_ID >> {file}; sleep 2; echo end >> {file}", file


async def test_a_controller_killed_while_a_job_runs_still_learns_its_result(fleet: Fleet) -> None:
    port = int((await fleet.controller()).rpartition(":")[2])
    await fleet.agent("one")
    command, file = witness(fleet.directory)
    execution_id = await fleet.run(command)
    await fleet.started(execution_id)
    fleet.signal("controller", signal.SIGKILL)
    await asyncio.sleep(3)
    await fleet.controller(port=port)
    execution = await fleet.ended(execution_id)
    assert (execution["status"], execution["exit_code"]) == ("succeeded", 0)
    assert file.read_text() == f"start {execution_id}\nend\n"


async def test_an_agent_killed_while_a_job_runs_goes_on_with_it(fleet: Fleet) -> None:
    await fleet.controller()
    await fleet.agent("one")
    file = fleet.directory / "witness"
    command = f"echo start >> {file}; echo before; sleep 3; echo after; echo end >> {file}; exit 5"
    execution_id = await fleet.run(command, retry_max=0)
    await fleet.started(execution_id)
    fleet.signal("one", signal.SIGKILL)
    fleet.start_agent("one")
    execution = await fleet.ended(execution_id)
    assert (execution["status"], execution["reason"], execution["exit_code"]) == ("failed", "exit_code", 5)
    assert execution["stdout"] == "before\nafter\n"
    assert file.read_text() == "start\nend\n"


async def test_a_job_that_ends_while_its_agent_is_gone_is_told_as_it_ended(fleet: Fleet) -> None:
    await fleet.controller()
    await fleet.agent("one")
    file = fleet.directory / "witness"
    execution_id = await fleet.run(f"echo before; sleep 1; echo after; echo end >> {file}")
    await fleet.started(execution_id)
    fleet.signal("one", signal.SIGUSR1)
    assert fleet.processes["one"].wait(20) == 0
    while not file.exists():
        await asyncio.sleep(0.05)
    fleet.start_agent("one")
    execution = await fleet.ended(execution_id)
    assert (execution["status"], execution["stdout"]) == ("succeeded", "before\nafter\n")


async def test_an_agent_that_never_returns_leaves_its_execution_lost(fleet: Fleet) -> None:
    await fleet.controller()
    await fleet.agent("one")
    execution_id = await fleet.run("sleep 30", lost_after_secs=60)
    await fleet.started(execution_id)
    fleet.signal("one", signal.SIGKILL)
    async with asyncio.timeout(15):
        while (await fleet.get("/api/agents"))[0]["status"] != "offline":
            await asyncio.sleep(0.1)
    assert (await fleet.get(f"/api/executions/{execution_id}"))["status"] == "running"


async def test_two_controllers_serve_the_same_fleet(fleet: Fleet) -> None:
    first = await fleet.controller("first")
    second = await fleet.controller("second")
    await fleet.agent("one", url=first)
    job = await fleet.job("echo hello; sleep 1; echo bye")
    triggered = await fleet.post(f"/api/jobs/{job}/trigger", url=second)
    (execution_id,) = triggered["execution_ids"]
    async with fleet.http.get(f"{second}/api/executions/{execution_id}/stream") as stream:
        text = (await stream.content.read()).decode()
    assert "data: hello" in text
    assert "data: bye" in text
    long = await fleet.run("sleep 60")
    await fleet.started(long)
    await fleet.post(f"/api/executions/{long}/cancel", url=second)
    assert (await fleet.ended(long, secs=2))["status"] == "cancelled"


async def test_a_controller_killed_leaves_the_others_firing_on_time(fleet: Fleet) -> None:
    await fleet.controller("first")
    second = await fleet.controller("second")
    await fleet.agent("one", url=second)
    job = await fleet.job("true", schedule={"type": "cron", "value": "* * * * * *"})
    await asyncio.sleep(2)
    fleet.signal("first", signal.SIGKILL)
    await asyncio.sleep(4)
    runs = (await fleet.get(f"/api/runs?job_id={job}&per_page=100", url=second))["data"]
    instants = sorted(run["scheduled_for"] for run in runs)
    assert len(instants) == len(set(instants)) >= 5
    assert {run["status"] for run in runs} <= {"succeeded", "running", "pending"}


async def test_sigterm_drains_an_agent(fleet: Fleet) -> None:
    await fleet.controller()
    await fleet.agent("one")
    execution_id = await fleet.run("sleep 1.5; echo finished")
    await fleet.started(execution_id)
    fleet.signal("one", signal.SIGTERM)
    waiting = await fleet.run("true")
    execution = await fleet.ended(execution_id)
    assert (execution["status"], execution["stdout"]) == ("succeeded", "finished\n")
    assert fleet.processes["one"].wait(10) == 0
    assert (await fleet.get(f"/api/executions/{waiting}"))["status"] == "pending"


async def test_one_agent_cannot_speak_for_another(fleet: Fleet) -> None:
    await fleet.controller()
    one, _two = await fleet.agent("one"), await fleet.agent("two")
    enrolment = {"Authorization": "Bearer fleet-agent-key"}
    async with fleet.http.get(f"{fleet.url}/api/agent-queue/{one}/next", headers=enrolment) as answer:
        assert answer.status == 404
    async with fleet.http.post(
        f"{fleet.url}/api/agents/register",
        json={"name": "one", "hostname": "evil", "address": "x", "port": 0, "tags": []},
        headers=enrolment,
    ) as answer:
        assert answer.status == 409
        assert (await answer.json())["code"] == "name_taken"
    credential = fleet.directory / "agent-one" / "identity.json"
    assert credential.stat().st_mode & 0o777 == 0o600
