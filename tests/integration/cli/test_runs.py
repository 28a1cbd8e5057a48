"""Running, following, reading and cancelling, with processes on this host."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from tests.integration.cli.conftest import Tocsin, serving, started

from tocsin_agent.daemon import Agent
from tocsin_agent.http_link import HttpLink
from tocsin_controller.settings import ControllerSettings


async def make(tocsin: Tocsin, command: str, *options: str, name: str = "a") -> None:
    """A job that runs only when asked to."""
    made = await tocsin("jobs", "create", name, "--command", command, *options)
    assert made.exit_code == 0, made.stderr


@pytest.mark.usefixtures("controller")
async def test_following_prints_the_output_and_exits_with_0(tocsin: Tocsin) -> None:
    await make(tocsin, "echo one; echo two >&2; echo; echo three")
    done = await tocsin("run", "a", "--follow")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines()[1:] == ["one", "", "three"]
    assert "two" in done.stderr.splitlines()


@pytest.mark.usefixtures("controller")
@pytest.mark.parametrize(
    ("command", "options", "exit_code"), [("exit 42", (), 42), ("sleep 60", ("--timeout", "1"), 124)]
)
async def test_following_exits_as_the_job_did(
    tocsin: Tocsin, command: str, options: tuple[str, ...], exit_code: int
) -> None:
    await make(tocsin, command, *options)
    done = await tocsin("run", "a", "--follow")
    assert done.exit_code == exit_code, done.stderr
    assert done.stderr.startswith("run ")


@pytest.mark.usefixtures("controller")
async def test_a_followed_run_that_is_cancelled_exits_with_130(
    tocsin: Tocsin, environment: dict[str, str]
) -> None:
    await make(tocsin, "echo started; exec sleep 60")
    async with started(environment, "run", "a", "-f") as following:
        assert following.stdout is not None
        run_id = (await following.stdout.readline()).decode().strip()
        assert await following.stdout.readline() == b"started\n"
        assert (await tocsin("runs", "cancel", run_id)).exit_code == 0
        assert await asyncio.wait_for(following.wait(), 30) == 130
    assert (await tocsin("runs", "show", run_id, "-o", "json")).json["status"] == "cancelled"


@pytest.mark.usefixtures("controller")
async def test_logs_into_a_file_are_the_bytes_of_the_job(tocsin: Tocsin, environment: dict[str, str]) -> None:
    await make(tocsin, "printf 'a\\033[2Jb\\377\\r\\nno end'; echo err >&2")
    run_id = (await tocsin("run", "a")).stdout.strip()
    await tocsin("logs", "-f", run_id)
    (execution,) = (await tocsin("runs", "show", run_id, "-o", "json")).json["executions"]
    for ref in (execution["id"], run_id):
        async with started(environment, "logs", ref) as process:
            out, err = await process.communicate()
        assert (out, err) == (b"a\x1b[2Jb\xff\r\nno end", b"err\n")
    only = await tocsin("logs", execution["id"], "--stream", "stderr")
    assert (only.stdout, only.stderr) == ("err\n", "")


@pytest.mark.usefixtures("controller")
async def test_runs_and_executions_are_listed_and_shown(tocsin: Tocsin) -> None:
    await make(tocsin, "exit 3")
    await tocsin("run", "a", "-f")
    run = (await tocsin("runs", "ls", "--job", "a", "-o", "json")).json["data"][0]
    execution = (await tocsin("executions", "ls", "--job", "a", "--status", "failed", "-o", "json")).json[
        "data"
    ][0]
    listed = (await tocsin("runs", "ls")).stdout
    assert run["id"] in listed
    assert "failed" in listed
    listed = (await tocsin("executions", "ls")).stdout
    assert execution["id"] in listed
    shown = (await tocsin("runs", "show", run["id"][:23])).stdout
    assert execution["id"] in shown
    assert "cli" in shown
    shown = (await tocsin("executions", "show", execution["id"][:23])).stdout
    assert "Exit code:" in shown
    assert (await tocsin("runs", "show", "00000000-0000")).exit_code == 3
    assert (await tocsin("executions", "show", "nonsense")).exit_code == 3


@pytest.mark.usefixtures("controller")
async def test_params_are_recorded_on_the_run(tocsin: Tocsin) -> None:
    await make(tocsin, "true")
    run_id = (await tocsin("run", "a", "-p", "version=1.4=x", "--param", "dry=")).stdout.strip()
    assert (await tocsin("runs", "show", run_id, "-o", "json")).json["params"] == {
        "version": "1.4=x",
        "dry": "",
    }


@asynccontextmanager
async def host(name: str, key: str, settings: ControllerSettings, state_dir: Path) -> AsyncIterator[None]:
    """A real agent, which reaches the controller over HTTP."""
    async with HttpLink(f"http://127.0.0.1:{settings.port}", key) as link:
        agent = Agent(link=link, state_dir=state_dir, name=name, enrolment_key=key)
        task = asyncio.create_task(agent.run())
        try:
            await asyncio.wait_for(agent.wait_until_registered(), 20)
            yield
        finally:
            agent.begin_drain(grace_secs=0.1)
            await task


async def test_following_goes_on_when_the_controller_restarts(
    tocsin: Tocsin, settings: ControllerSettings, environment: dict[str, str], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    wait = f"while [ ! -e {gate} ]; do sleep 0.1; done"
    async with AsyncExitStack() as processes:
        async with serving(settings):
            key = (await tocsin("keys", "create", "web-1", "--role", "agent", "-q")).stdout.strip()
            await processes.enter_async_context(host("web-1", key, settings, tmp_path / "agent"))
            await make(tocsin, f"echo one; echo two; {wait}; echo three; exit 9", "--target", "any")
            following = await processes.enter_async_context(started(environment, "run", "a", "-f"))
            assert following.stdout is not None
            seen = [await asyncio.wait_for(following.stdout.readline(), 20) for _ in range(3)]
        async with serving(settings):
            gate.touch()
            rest = await asyncio.wait_for(following.stdout.read(), 60)
            assert await following.wait() == 9
    assert seen[1:] == [b"one\n", b"two\n"]
    assert rest == b"three\n"


async def test_output_of_all_hosts_carries_their_names(
    tocsin: Tocsin, settings: ControllerSettings, tmp_path: Path
) -> None:
    async with AsyncExitStack() as agents:
        await agents.enter_async_context(serving(settings))
        for name in ("web-1", "database-1"):
            key = (await tocsin("keys", "create", name, "--role", "agent", "-q")).stdout.strip()
            await agents.enter_async_context(host(name, key, settings, tmp_path / name))
        await make(tocsin, "echo hello", "--target", "all")
        done = await tocsin("run", "a", "-f")
        assert done.exit_code == 0, done.stderr
        assert sorted(done.stdout.splitlines()[1:]) == ["database-1 | hello", "web-1      | hello"]


@pytest.mark.usefixtures("controller")
async def test_a_replay_prints_what_it_printed_then(tocsin: Tocsin) -> None:
    await make(tocsin, "echo old")
    first = await tocsin("run", "a", "--follow")
    await tocsin("jobs", "delete", "a", "--yes")
    gone = await tocsin("replay", first.stdout.split()[0])
    assert (gone.exit_code, "was deleted" in gone.stderr) == (6, True)
    await make(tocsin, "echo new", name="b")
    second = await tocsin("run", "b", "--follow")
    again = await tocsin("replay", second.stdout.split()[0], "--follow")
    assert again.exit_code == 0, again.stderr
    assert again.stdout.splitlines()[1:] == ["new"]


@pytest.mark.usefixtures("controller")
async def test_a_webhook_is_made_and_removed(tocsin: Tocsin) -> None:
    await make(tocsin, "true")
    made = await tocsin("jobs", "webhook", "a")
    assert made.exit_code == 0, made.stderr
    address = made.stdout.strip()
    async with aiohttp.ClientSession() as http:
        async with http.post(address) as answer:
            assert answer.status == 202
        assert (await tocsin("jobs", "webhook", "a", "--rm")).exit_code == 0
        async with http.post(address) as answer:
            assert answer.status == 404
