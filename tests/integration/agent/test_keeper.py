"""The keeper itself: what a process gets from it, and when it ends it by itself."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from tests.integration.agent.conftest import eventually, is_running, pid_in

from tocsin_agent.journal.spool import Spool
from tocsin_agent.runtime.adoption import AdoptionDesk, living_keepers
from tocsin_agent.runtime.ending import End, read_end
from tocsin_agent.runtime.family import parent_of
from tocsin_agent.runtime.keeper import KeeperMissing, Nursery, find_keeper
from tocsin_agent.runtime.kept import KeptProcess
from tocsin_agent.runtime.spec import CgroupPlan, KeepingRules, ProcessSpec
from tocsin_shared.executions import Stream
from tocsin_shared.ids import new_id

RULES = KeepingRules(timeout_secs=None, kill_grace_secs=0.2, max_bytes_per_stream=1024 * 1024)


def shell(command: str, stdin: bytes | None = None) -> ProcessSpec:
    return ProcessSpec(["/bin/sh", "-c", command], {"PATH": os.environ["PATH"]}, "/", stdin=stdin)


@pytest.fixture
def nursery(tmp_path: Path) -> Iterator[Nursery]:
    one = Nursery(find_keeper(), tmp_path)
    yield one
    one.close()


async def run(nursery: Nursery, directory: Path, spec: ProcessSpec) -> tuple[End, str]:
    """How it ends, and its output in the order in which it came."""
    execution_id = new_id()
    channel = nursery.launch(execution_id, spec, RULES)
    process = KeptProcess(channel, directory, execution_id, lambda size, seq: None)
    end = await process.ended()
    process.acknowledge()
    spool = Spool(directory / f"{execution_id}.out")
    return end, b"".join(chunk.data for chunk in spool.undelivered(10**9)).decode()


def _looking_like(execution_id: UUID) -> list[int]:
    """Processes with the command line of this execution's keeper, the oldest first."""
    found = []
    for process in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            if str(execution_id).encode() in (process / "cmdline").read_bytes().split(b"\0"):
                found.append(int(process.name))
    return sorted(found)


async def test_a_process_gets_three_descriptors_and_no_more(nursery: Nursery, tmp_path: Path) -> None:
    inherited = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(inherited, True)
    try:
        _, output = await run(nursery, tmp_path, shell("exec ls /proc/self/fd"))
    finally:
        os.close(inherited)
    assert output.split()[:3] == ["0", "1", "2"]
    assert len(output.split()) == 4  # ls reads the directory through one more


async def test_input_of_any_size_is_read_to_its_end(nursery: Nursery, tmp_path: Path) -> None:
    _, output = await run(nursery, tmp_path, shell("wc -c", stdin=b"x" * 5_000_000))
    assert int(output) == 5_000_000


async def test_the_streams_stay_in_their_order(nursery: Nursery, tmp_path: Path) -> None:
    command = "for i in 1 2 3 4 5; do echo out $i; sleep 0.03; echo err $i >&2; sleep 0.03; done"
    _, output = await run(nursery, tmp_path, shell(command))
    assert output == "".join(f"out {i}\nerr {i}\n" for i in range(1, 6))


async def test_the_kernel_would_rather_kill_a_job_than_its_keeper(nursery: Nursery, tmp_path: Path) -> None:
    _, output = await run(nursery, tmp_path, shell("cat /proc/self/oom_score_adj /proc/$PPID/oom_score_adj"))
    job, keeper = map(int, output.split())
    assert (job, keeper < job) == (500, True)


async def test_neither_arguments_nor_environment_of_a_keeper_tell_a_secret(
    nursery: Nursery, tmp_path: Path
) -> None:
    _, output = await run(nursery, tmp_path, shell("cat /proc/$PPID/cmdline /proc/$PPID/environ; : secret"))
    assert "tocsin-keeper" in output
    assert "secret" not in output


async def test_one_on_a_leash_ends_with_its_agent(nursery: Nursery, tmp_path: Path) -> None:
    pid_file, execution_id = tmp_path / "pid", new_id()
    rules = KeepingRules(timeout_secs=None, kill_grace_secs=0, max_bytes_per_stream=1000, is_leashed=True)
    channel = nursery.launch(execution_id, shell(f"echo $$ > {pid_file}; exec sleep 60"), rules)
    pid = await pid_in(pid_file)
    channel.close()
    await eventually(lambda: not is_running(pid))
    await eventually(lambda: read_end(tmp_path, execution_id) is not None)


async def test_one_whose_end_can_not_be_written_tells_it_to_a_new_agent(
    nursery: Nursery, tmp_path: Path
) -> None:
    witness, execution_id = tmp_path / "witness", new_id()
    (tmp_path / f"{execution_id}.end.new").mkdir()  # no file can be written there, as on a full disk
    nursery.launch(execution_id, shell(f"sleep 0.1; echo > {witness}; exit 3"), RULES).close()
    await eventually(witness.exists)
    await asyncio.sleep(0.3)  # it has tried by now
    pid = living_keepers(tmp_path).here[execution_id]
    process = await AdoptionDesk(tmp_path).adopt(execution_id, pid, lambda size, seq: None)
    assert process is not None
    assert (await process.ended()).exit_code == 3
    process.acknowledge()
    await eventually(lambda: not living_keepers(tmp_path).here)


async def test_what_hangs_before_it_becomes_the_job_does_not_pass_for_its_keeper(
    nursery: Nursery, tmp_path: Path
) -> None:
    stuck, execution_id = tmp_path / "stuck", new_id()
    stuck.mkdir()
    os.mkfifo(stuck / "cgroup.procs")  # who opens it waits until somebody reads, as at a hung file server
    rules = replace(RULES, cgroup=CgroupPlan(stuck, {}))
    process = KeptProcess(
        nursery.launch(execution_id, shell("exit 3"), rules), tmp_path, execution_id, lambda size, seq: None
    )
    await eventually(lambda: len(_looking_like(execution_id)) == 2)
    keeper, child = _looking_like(execution_id)
    assert parent_of(child) == keeper
    living = living_keepers(tmp_path)
    assert living.here == {execution_id: keeper}
    assert execution_id not in living.elsewhere
    with (stuck / "cgroup.procs").open("rb") as reader:
        assert (await process.ended()).exit_code == 3
        assert reader.read() == b"0"
    process.acknowledge()


async def test_a_nursery_does_not_pass_for_a_keeper(nursery: Nursery, tmp_path: Path) -> None:
    await run(nursery, tmp_path, shell("echo"))
    await eventually(lambda: not living_keepers(tmp_path).here)


async def test_bytes_one_by_one_do_not_fill_the_disk(nursery: Nursery, tmp_path: Path) -> None:
    end, output = await run(nursery, tmp_path, shell("i=0; while [ $i -lt 3000 ]; do echo; i=$((i+1)); done"))
    assert (end.output.stdout_bytes, len(output)) == (3000, 3000)
    assert end.output.spool_bytes < 30_000


def test_a_keeper_that_is_missing_or_of_another_version_is_told(tmp_path: Path) -> None:
    with pytest.raises(KeeperMissing, match="make install"):
        find_keeper(tmp_path / "nothing")
    other = tmp_path / "tocsin-keeper"
    other.write_text("#!/bin/sh\necho tocsin-keeper 999 x\n")
    other.chmod(0o755)
    with pytest.raises(KeeperMissing, match="another version"):
        find_keeper(other)


async def test_the_end_of_a_stream_follows_its_start(nursery: Nursery, tmp_path: Path) -> None:
    execution_id = new_id()
    rules = KeepingRules(timeout_secs=None, kill_grace_secs=0, max_bytes_per_stream=1000)
    channel = nursery.launch(execution_id, shell("printf '%05000d' 7; echo €"), rules)
    process = KeptProcess(channel, tmp_path, execution_id, lambda size, seq: None)
    end = await process.ended()
    process.acknowledge()
    chunks = list(Spool(tmp_path / f"{execution_id}.out").undelivered(10**9))
    assert [chunk.stream for chunk in chunks] == [Stream.STDOUT] * 2
    assert (chunks[0].offset, len(chunks[0].data)) == (0, 500)
    assert (chunks[1].offset, chunks[1].data) == (4504, b"0" * 495 + b"7\xe2\x82\xac\n")
    assert end.output.stdout_truncated
