"""A cgroup for each job, on a real cgroup v2, and what is refused where there is none."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.agent.conftest import Agents, assignment, eventually, is_running, pid_in
from tests.integration.agent.fake_controller import FakeController

from tocsin_agent.runtime.cgroups import NotDelegated, _mount_of_v2
from tocsin_shared.protocol import Limits


def _writable_v2() -> Path | None:
    try:
        mount = _mount_of_v2(Path("/proc/self/mountinfo").read_text())
    except NotDelegated:
        return None
    return mount if os.access(mount, os.W_OK) else None


V2 = _writable_v2()
on_v2 = pytest.mark.skipif(V2 is None, reason="this host has no cgroup v2 that this account may change")
with_memory = pytest.mark.skipif(
    V2 is None or "memory" not in (V2 / "cgroup.controllers").read_text(),
    reason="the memory controller of this host is not with cgroup v2",
)


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    """A part of the tree that is this test's."""
    assert V2 is not None
    part = V2 / f"tocsin-test-{os.getpid()}"
    part.mkdir()
    yield part
    for directory, _, _ in os.walk(part, topdown=False):
        Path(directory).rmdir()


@on_v2
async def test_a_job_runs_in_a_group_of_its_own_that_goes_with_it(
    controller: FakeController, agents: Agents, tree: Path
) -> None:
    await agents.start(cgroup=str(tree))
    job = assignment("grep '^0::' /proc/self/cgroup")
    await controller.offer(job)
    result = await controller.result(job.execution_id)
    assert controller.output(job.execution_id).rstrip().endswith(f"/{job.execution_id}")
    assert result.usage.cpu_secs is not None
    await eventually(lambda: not list(tree.glob(f"*/{job.execution_id}")))


@on_v2
async def test_a_stop_ends_everything_in_the_group(
    controller: FakeController, agents: Agents, tree: Path
) -> None:
    await agents.start(cgroup=str(tree))
    pid_file = agents.directory / "pid"
    body = f'echo $$ > {pid_file}; trap "" TERM; while :; do sleep 1; done'
    job = assignment(f"(setsid env -i sh -c '{body}' &) ; sleep 60", timeout_secs=1)
    await controller.offer(job)
    pid = await pid_in(pid_file)
    (group,) = tree.glob(f"*/{job.execution_id}")
    assert str(pid) in (group / "cgroup.procs").read_text().split()
    assert (await controller.result(job.execution_id)).status == "timed_out"
    assert not is_running(pid)


@on_v2
async def test_what_a_job_leaves_in_the_background_keeps_its_group(
    controller: FakeController, agents: Agents, tree: Path
) -> None:
    await agents.start(cgroup=str(tree))
    pid_file = agents.directory / "pid"
    job = assignment(f"sleep 60 >/dev/null 2>&1 & echo $! > {pid_file}")
    await controller.offer(job)
    assert (await controller.result(job.execution_id)).status == "succeeded"
    pid = await pid_in(pid_file)
    (group,) = tree.glob(f"*/{job.execution_id}")
    assert (group / "cgroup.procs").read_text().split() == [str(pid)]
    (group / "cgroup.kill").write_text("1")
    await eventually(lambda: "populated 0" in (group / "cgroup.events").read_text())


@on_v2
@with_memory
async def test_too_much_memory_is_told_apart(controller: FakeController, agents: Agents, tree: Path) -> None:
    await agents.start(cgroup=str(tree))
    job = assignment("head -c 500000000 /dev/zero | tail", limits=Limits(memory_max_bytes=32 * 1024 * 1024))
    await controller.offer(job)
    result = await controller.result(job.execution_id)
    assert (result.status, result.reason) == ("failed", "oom")
    assert result.usage.peak_memory_bytes is not None
    assert result.usage.peak_memory_bytes <= 33 * 1024 * 1024


async def test_limits_without_groups_are_refused_and_nothing_is_started(
    controller: FakeController, agents: Agents
) -> None:
    await agents.start(cgroup="off")
    witness = agents.directory / "witness"
    job = assignment(f"touch {witness}", limits=Limits(pids_max=10))
    await controller.offer(job)
    result = await controller.result(job.execution_id)
    assert (result.status, result.reason) == ("failed", "spawn_failed")
    assert result.message == "This host can't enforce pids_max: the agent has no cgroup (v2) of its own."
    assert not witness.exists()


async def test_a_limit_that_the_kernel_refuses_keeps_the_job_from_starting(
    controller: FakeController, agents: Agents
) -> None:
    """A plain directory stands in for a tree whose groups lack the file that the limit is written to."""
    plain = agents.directory / "no-cgroup"
    plain.mkdir()
    await agents.start(cgroup=str(plain))
    witness = agents.directory / "witness"
    job = assignment(f"touch {witness}", limits=Limits(pids_max=10))
    await controller.offer(job)
    result = await controller.result(job.execution_id)
    assert (result.status, result.reason) == ("failed", "spawn_failed")
    assert result.message == "The limit could not be set on this host: pids.max: No such file or directory."
    assert not witness.exists()
