"""An agent and its disk: bounded, full, read-only, damaged. What it knows is never lost by it, nor made up."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.agent.conftest import AgentProcess, Agents, assignment, eventually
from tests.integration.agent.fake_controller import FakeController
from tests.integration.agent.small_disks import SmallDisk, small_disk

from tocsin_agent.clock import Moment
from tocsin_agent.daemon import Agent
from tocsin_agent.journal.framing import frame, frames
from tocsin_agent.journal.journal import Journal
from tocsin_agent.journal.log import JournalError
from tocsin_agent.journal.records import Gone, Intent, Record, Result, encode
from tocsin_agent.journal.reserve import RESERVE_BYTES
from tocsin_agent.journal.spool import Spool
from tocsin_agent.program import EXIT_DISK_TROUBLE
from tocsin_agent.runtime.outcome import Outcome
from tocsin_agent.runtime.spec import ProcessSpec
from tocsin_agent.tasks.base import TaskContext
from tocsin_shared.executions import ExecutionStatus, Stream
from tocsin_shared.ids import new_id
from tocsin_shared.protocol import Assignment, HeartbeatRequest, OutputEvent, PollRequest
from tocsin_shared.tasks import NoopTask

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a file system")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", 8 * 1024) as mounted:
        yield mounted


def newest_spool(controller: FakeController) -> dict[str, float]:
    beats = controller.bodies("heartbeat", HeartbeatRequest)
    return beats[-1].spool if beats else {}


def newest_slots(controller: FakeController) -> int:
    return controller.bodies("poll", PollRequest)[-1].slots


def noop(output: str = "") -> Any:
    return assignment(task=NoopTask(type="noop", output=output))


async def test_intake_stops_at_80_percent_of_the_results_once_and_loudly_and_starts_again(
    controller: FakeController, agents: Agents, capsys: pytest.CaptureFixture[str]
) -> None:
    await agents.start(capacity=10, journal_max_results=10)
    controller.overloaded = {"upload"}
    jobs = [noop("x") for _ in range(8)]
    await controller.offer(*jobs)
    await controller.until(lambda: newest_spool(controller).get("intake_stopped") == 1.0)
    await controller.until(lambda: newest_slots(controller) == 0)
    await controller.until(lambda: newest_spool(controller).get("results") == 8)
    late = noop("late")
    await controller.offer(late)
    assert capsys.readouterr().out.count("intake_stopped") == 1
    controller.overloaded.clear()
    for job in (*jobs, late):
        assert (await controller.result(job.execution_id)).exit_code == 0
    await controller.until(lambda: newest_spool(controller)["intake_stopped"] == 0.0)
    assert capsys.readouterr().out.count("intake_resumed") == 1


async def test_a_full_journal_cuts_output_with_a_gap_and_keeps_every_result(
    controller: FakeController, agents: Agents
) -> None:
    await agents.start(capacity=16, journal_max_bytes=1_000_000)
    controller.overloaded = {"upload"}
    jobs = [noop("x" * 100_000) for _ in range(16)]
    await controller.offer(*jobs)
    await controller.until(lambda: newest_spool(controller).get("intake_stopped") == 1.0)
    assert newest_spool(controller)["journal_bytes"] <= 1_050_000
    controller.overloaded.clear()
    for job in jobs:
        result = await controller.result(job.execution_id)
        assert result.stdout_bytes == 100_000
        assert result.stdout_truncated == (len(controller.output(job.execution_id)) < 100_000)
    await agents.all_settled()


async def test_a_job_that_runs_when_the_journal_was_full_prints_again_once_there_is_room(
    controller: FakeController, agents: Agents
) -> None:
    await agents.start(capacity=16, journal_max_bytes=300_000)
    controller.overloaded = {"upload"}
    go = agents.directory / "go"
    large = assignment("head -c 400000 /dev/zero")
    running = assignment(
        "; ".join(f"until [ -e {go}-{word} ]; do sleep 0.02; done; echo {word}" for word in ("first", "last"))
    )
    await controller.offer(large, running)
    await eventually(lambda: any(u.state == "ended" for u in agents.unsettled()))
    Path(f"{go}-first").touch()
    spool = agents.state_dir() / "journal" / "output" / f"{running.execution_id}.out"
    await eventually(lambda: spool.exists() and spool.stat().st_size > 0)
    await asyncio.sleep(0.2)  # its keeper has been told by now
    controller.overloaded.clear()
    await controller.settled(large.execution_id)
    Path(f"{go}-last").touch()
    result = await controller.result(running.execution_id)
    assert controller.output(running.execution_id) == "first\nlast\n"
    assert not result.stdout_truncated


@needs_root
async def test_what_runs_when_the_disk_fills_up_is_reported_and_nothing_more_is_taken(
    controller: FakeController, agent_process: AgentProcess, disk: SmallDisk
) -> None:
    agent_process.start(TOCSIN_AGENT_STATE_DIR=str(disk.path / "state"))
    go = agent_process.directory / "go"
    jobs = [assignment(f"until [ -e {go} ]; do sleep 0.05; done; echo done; exit {n}") for n in range(3)]
    await controller.offer(*jobs)
    await controller.until(lambda: all(controller.events(job.execution_id) for job in jobs))
    disk.fill()
    await controller.offer(assignment("true"))
    await controller.until(lambda: newest_spool(controller).get("free_bytes") == 0.0)
    go.touch()
    for n, job in enumerate(jobs):
        assert (await controller.result(job.execution_id)).exit_code == n
    await controller.until(lambda: newest_spool(controller)["intake_stopped"] == 1.0)
    await controller.until(lambda: newest_slots(controller) == 0)
    assert agent_process.log().count("intake_stopped") == 1
    disk.make_room()
    after = assignment("echo after")
    await controller.offer(after)
    assert (await controller.result(after.execution_id)).exit_code == 0
    assert controller.output(after.execution_id) == "after\n"
    await controller.until(lambda: newest_spool(controller)["intake_stopped"] == 0.0)


class Filler:
    """Somebody takes the rest of the disk between the moments when work is accepted and when its process runs."""

    def __init__(self, disk: SmallDisk, agent: Agent) -> None:
        self._disk = disk
        self._agent = agent

    async def run(self, _: Assignment, context: TaskContext) -> Outcome:
        self._disk.fill()
        assert self._agent._executor is not None
        with pytest.raises(JournalError):
            await self._fill_the_last_block(self._agent._executor._journal)
        work = ["/bin/sh", "-c", "sleep 0.5; exit 7"]
        return await context.run_process(ProcessSpec(argv=work, env={"LANG": "C"}, cwd="/"))

    async def _fill_the_last_block(self, journal: Journal) -> None:
        while True:
            await journal.commit([Gone(())], durable=False)


@needs_root
async def test_a_start_that_can_not_be_written_down_makes_no_failure_of_what_runs(
    controller: FakeController, disk: SmallDisk
) -> None:
    several = Agents(controller, disk.path)
    agent, _ = await several.start()
    agent._registry.add("shell", Filler(disk, agent))
    job = assignment("whatever")
    await controller.offer(job)
    result = await controller.result(job.execution_id)
    assert (result.reason, result.exit_code) == ("exit_code", 7)
    disk.make_room()
    await several.stop()


@needs_root
async def test_an_agent_that_finds_its_disk_full_goes_on_when_it_has_an_identity(
    controller: FakeController, agent_process: AgentProcess, disk: SmallDisk
) -> None:
    state = disk.path / "state"
    agent_process.start(TOCSIN_AGENT_STATE_DIR=str(state))
    await controller.until(lambda: bool(controller.bodies("poll", PollRequest)))
    agent_process.kill()
    disk.fill()
    agent_process.start(TOCSIN_AGENT_STATE_DIR=str(state))
    await controller.registrations(2)
    await controller.until(lambda: newest_spool(controller).get("free_bytes") == 0.0)
    controller.forget_agents()
    disk.make_room()


@needs_root
async def test_an_agent_whose_disk_is_full_from_the_start_is_to_be_started_again(
    controller: FakeController, agent_process: AgentProcess, disk: SmallDisk
) -> None:
    state = disk.path / "state"
    state.mkdir()
    disk.fill()
    agent_process.start(TOCSIN_AGENT_STATE_DIR=str(state))
    assert await agent_process.ended() == EXIT_DISK_TROUBLE == 74
    assert "No space left on device" in agent_process.log()
    assert "Traceback" not in agent_process.log()
    disk.make_room()
    agent_process.start(TOCSIN_AGENT_STATE_DIR=str(state))
    await controller.registrations(1)


@needs_root
async def test_an_agent_whose_disk_is_read_only_is_to_be_started_again(
    controller: FakeController, agent_process: AgentProcess, disk: SmallDisk
) -> None:
    state = disk.path / "state"
    agent_process.start(TOCSIN_AGENT_STATE_DIR=str(state))
    await controller.registrations(1)
    agent_process.kill()
    disk.set_read_only(on=True)
    agent_process.start(TOCSIN_AGENT_STATE_DIR=str(state))
    assert await agent_process.ended() == EXIT_DISK_TROUBLE
    assert "Read-only file system" in agent_process.log()
    assert "Traceback" not in agent_process.log()
    disk.set_read_only(on=False)
    agent_process.start(TOCSIN_AGENT_STATE_DIR=str(state))
    await controller.registrations(2)


def left_behind(journal: Path, number: int) -> list[Result]:
    """The journal of an agent that ended before it could deliver these results, one line of output each."""
    (journal / "output").mkdir(parents=True)
    records: list[Record] = []
    results = []
    for n in range(number):
        execution_id, moment = new_id(), Moment.now()
        result = Result(
            execution_id,
            3,
            ExecutionStatus.FAILED,
            moment,
            exit_code=n,
            fence=2,
            stdout_bytes=5,
            job_name="x",
        )
        records += [Intent(execution_id, 2, "x", "shell", moment), result]
        results.append(result)
        spool = Spool(journal / "output" / f"{execution_id}.out")
        spool.append(2, Stream.STDOUT, 0, b"line\n")
        spool.rest()
    (journal / "control.log").write_bytes(frames(map(encode, records)))
    return results


@pytest.mark.parametrize("damage", ["flipped bits", "zeros in the middle", "cut short", "empty", "noise"])
async def test_a_damaged_journal_delivers_what_can_be_read_and_makes_nothing_up(
    controller: FakeController, agents: Agents, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = agents.state_dir() / "journal"
    results = left_behind(journal, 9)
    log = journal / "control.log"
    content = bytearray(log.read_bytes())
    ends = [content.find(frame(encode(r))) + len(frame(encode(r))) for r in results]
    match damage:
        case "flipped bits":
            content[ends[3] - 20] ^= 1  # a result: its outcome is not known
            content[ends[5] + 30] ^= 1  # an intent whose result is there
            known = {0, 1, 2, 4, 5, 6, 7, 8}
        case "zeros in the middle":
            content[ends[2] : ends[4]] = bytes(ends[4] - ends[2])
            known = {0, 1, 2, 5, 6, 7, 8}
        case "cut short":
            del content[ends[7] + 10 :]
            known = {0, 1, 2, 3, 4, 5, 6, 7}
        case "empty":
            content.clear()
            known = set()
        case _:
            content[:] = os.urandom(len(content))
            known = set()
    log.write_bytes(content)
    await agents.start()
    for n in known:
        got = await controller.result(results[n].execution_id)
        assert (got.status, got.exit_code, got.fence) == ("failed", n, 2)
        assert controller.output(results[n].execution_id) == "line\n"
    if damage == "flipped bits":
        assert (await controller.result(results[3].execution_id)).reason == "interrupted"
        known.add(3)
    await controller.until(lambda: newest_spool(controller).get("quarantined", 0) > 0)
    assert "journal_damaged" in capsys.readouterr().out
    for n in set(range(9)) - known:
        assert controller.results(results[n].execution_id) == []
    # What the controller believes to be lost on the way is not started a second time.
    again = [assignment("true", execution_id=results[n].execution_id, fence=7) for n in set(range(9)) - known]
    for job in again:
        await controller.offer(job)
        assert (await controller.result(job.execution_id)).reason == "interrupted"
    job = assignment("echo all is well")
    await controller.offer(job)
    assert (await controller.result(job.execution_id)).exit_code == 0


async def test_damaged_output_is_left_out_with_a_gap_and_the_rest_arrives(
    controller: FakeController, agents: Agents
) -> None:
    journal = agents.state_dir() / "journal"
    (result,) = left_behind(journal, 1)
    file = journal / "output" / f"{result.execution_id}.out"
    spool = Spool(file)
    for n in range(1, 5):
        spool.append(2 + n, Stream.STDOUT, 5 * n, b"line\n")
    content = bytearray(file.read_bytes())
    content[content.find(b"line", len(content) // 2)] ^= 1
    file.write_bytes(content)
    await agents.start()
    got = await controller.result(result.execution_id)
    assert got.stdout_truncated
    chunks = [e for e in controller.events(result.execution_id) if isinstance(e, OutputEvent)]
    assert [chunk.offset for chunk in chunks] == [0, 5, 15, 20]
    assert {chunk.data for chunk in chunks} == {"line\n"}
    await controller.until(lambda: newest_spool(controller).get("quarantined", 0) == 1)


async def test_the_reserve_is_there_from_the_start_and_stays(
    controller: FakeController, agents: Agents
) -> None:
    await agents.start()
    reserve = agents.state_dir() / "journal" / "reserve"
    assert reserve.stat().st_blocks * 512 >= RESERVE_BYTES
    await agents.stop()
    assert reserve.stat().st_blocks * 512 >= RESERVE_BYTES


async def test_after_an_outage_the_controller_hears_that_the_agent_lives_before_it_gets_the_backlog(
    controller: FakeController, agents: Agents
) -> None:
    await agents.start(capacity=10)
    controller.overloaded = {"upload"}
    jobs = [noop("x" * 1000) for _ in range(10)]
    await controller.offer(*jobs)
    await eventually(lambda: len([u for u in agents.unsettled() if u.state == "ended"]) == 10)
    controller.overloaded = {"register", "poll", "heartbeat", "upload"}
    await asyncio.sleep(1)
    calls = len(controller.calls)
    controller.overloaded.clear()
    for job in jobs:
        await controller.result(job.execution_id)
    first_upload = next(i for i, call in enumerate(controller.calls[calls:]) if call.route == "upload")
    assert {call.route for call in controller.calls[calls : calls + first_upload]} & {"heartbeat", "poll"}


@needs_root
async def test_on_a_full_disk_results_use_the_reserve_and_nothing_else_does(disk: SmallDisk) -> None:
    journal = Journal(disk.path / "journal")
    writing = asyncio.create_task(journal.run())
    disk.fill()
    intents = [Intent(new_id(), 1, "x" * 200, "shell", Moment.now()) for _ in range(100)]
    with pytest.raises(JournalError, match="No space left"):
        await journal.commit(intents)
    assert journal.is_failing
    results = [Result(new_id(), 2, ExecutionStatus.SUCCEEDED, Moment.now(), fence=1) for _ in range(100)]
    await asyncio.gather(*(journal.commit([result]) for result in results))
    assert not journal.reserve.is_whole
    with pytest.raises(JournalError):
        await journal.commit(intents * 30)
    disk.make_room()
    await journal.commit(intents)
    assert not journal.is_failing
    assert journal.reserve.is_whole
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    journal.close()
    again = Journal(disk.path / "journal")
    assert set(again.entries) == {record.execution_id for record in (*results, *intents)}
    again.close()


@needs_root
async def test_a_disk_that_takes_writes_again_is_noticed_without_any_work(disk: SmallDisk) -> None:
    journal = Journal(disk.path / "journal")
    writing = asyncio.create_task(journal.run())
    disk.fill()
    with pytest.raises(JournalError):
        await journal.commit([Intent(new_id(), 1, "x" * 200, "shell", Moment.now()) for _ in range(100)])
    disk.make_room()
    await eventually(lambda: not journal.is_failing)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    journal.close()
