"""A cloned machine, a restored backup: two processes with one identity, on a real controller."""

import asyncio
import json
import shutil
import signal
from typing import Any

from tests.integration.fleet.conftest import START_SECS, Fleet

from tocsin_agent.program import EXIT_BAD_CONFIGURATION


def start_copy(fleet: Fleet, copy: str) -> None:
    """An agent with the identity of `one`."""
    fleet.start_agent("copy", NAME="one", state_dir=copy)


async def copy_state(fleet: Fleet) -> str:
    """A second directory just like the agent's, once that has written down that it is registered."""
    identity = fleet.directory / "agent-one" / "identity.json"
    async with asyncio.timeout(START_SECS):
        while json.loads(identity.read_text())["next_state_mark"] is not None:
            await asyncio.sleep(0.05)
    copy = fleet.directory / "copy-of-one"
    shutil.copytree(fleet.directory / "agent-one", copy)
    return str(copy)


async def clones_told_of(fleet: Fleet) -> list[Any]:
    events = await fleet.get("/api/events?per_page=200")
    return [event for event in events["data"] if event["kind"] == "agent.cloned"]


async def ended_for_good(fleet: Fleet, name: str) -> None:
    process = fleet.processes[name]
    assert await asyncio.wait_for(asyncio.to_thread(process.wait), START_SECS) == EXIT_BAD_CONFIGURATION
    assert "another copy of the state directory" in fleet.log(name)
    assert "Traceback" not in fleet.log(name)


async def test_an_older_copy_ends_for_good_and_leaves_what_the_real_one_runs_alone(fleet: Fleet) -> None:
    """On the same host even, where the copy's journal names processes that are alive."""
    await fleet.controller()
    await fleet.agent("one")
    older_identity = (fleet.directory / "agent-one" / "identity.json").read_bytes()
    fleet.signal("one", signal.SIGTERM)
    await asyncio.to_thread(fleet.processes["one"].wait)
    await fleet.agent("one")
    execution_id = await fleet.run("sleep 5; echo done")
    await fleet.started(execution_id)
    copy = await copy_state(fleet)
    (fleet.directory / "copy-of-one" / "identity.json").write_bytes(older_identity)
    for _ in range(2):
        start_copy(fleet, copy)
        await ended_for_good(fleet, "copy")
    execution = await fleet.ended(execution_id)
    assert (execution["status"], execution["exit_code"]) == ("succeeded", 0)
    assert len(await clones_told_of(fleet)) == 1
    again = await fleet.ended(await fleet.run("true"))
    assert again["status"] == "succeeded"


async def test_of_two_copies_that_run_at_once_one_goes_on_and_neither_flaps(fleet: Fleet) -> None:
    await fleet.controller()
    await fleet.agent("one")
    copy = await copy_state(fleet)
    witness = fleet.directory / "witness"
    execution_id = await fleet.run(f"sleep 4; echo done > {witness}")
    await fleet.started(execution_id)
    start_copy(fleet, copy)
    await ended_for_good(fleet, "one")
    async with asyncio.timeout(START_SECS):
        while not witness.exists():  # what the one that ended was running goes on
            await asyncio.sleep(0.05)
    fleet.start_agent("one")
    await ended_for_good(fleet, "one")
    assert (await fleet.ended(await fleet.run("true")))["status"] == "succeeded"
    assert fleet.processes["copy"].poll() is None
    assert fleet.log("copy").count("agent_registered") == 1
    assert len(await clones_told_of(fleet)) == 1
