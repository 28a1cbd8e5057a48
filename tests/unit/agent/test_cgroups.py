"""Where groups are made, which limits become which files, and what is refused."""

from pathlib import Path

import pytest

from tocsin_agent.runtime.cgroups import (
    Cgroups,
    NotDelegated,
    NotEnforceable,
    _delegated_base,
    _mount_of_v2,
    open_cgroups,
    refuse_limits,
)
from tocsin_shared.ids import new_id
from tocsin_shared.protocol import Limits

HYBRID = (
    "30 23 0:26 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro,mode=755\n"
    "31 30 0:27 / /sys/fs/cgroup/unified rw,nosuid shared:5 - cgroup2 cgroup2 rw,nsdelegate\n"
    "32 30 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
)


def test_the_mount_is_found_among_those_of_version_1() -> None:
    assert _mount_of_v2(HYBRID) == Path("/sys/fs/cgroup/unified")


def test_a_host_without_version_2_is_told() -> None:
    with pytest.raises(NotDelegated, match="no cgroup v2"):
        _mount_of_v2("30 23 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n")


def test_a_group_that_nobody_handed_over_is_not_touched(tmp_path: Path) -> None:
    group = tmp_path / "system.slice" / "ssh.service"
    group.mkdir(parents=True)
    mounts = f"31 30 0:27 / {tmp_path} rw - cgroup2 cgroup2 rw\n"
    with pytest.raises(NotDelegated, match="was not delegated"):
        _delegated_base("/system.slice/ssh.service", mounts)
    assert list(group.iterdir()) == []


def test_limits_become_files(tmp_path: Path) -> None:
    cgroups = Cgroups(tmp_path, frozenset({"memory", "cpu", "pids"}))
    execution_id = new_id()
    plan = cgroups.plan(execution_id, Limits(memory_max_bytes=64 * 1024 * 1024, cpu_max=1.5, pids_max=20))
    assert plan.path == tmp_path / str(execution_id)
    assert plan.settings == {
        "memory.max": "67108864",
        "memory.oom.group": "1",
        "cpu.max": "150000 100000",
        "pids.max": "20",
    }


def test_swap_is_no_way_around_the_limit_of_memory(tmp_path: Path) -> None:
    (tmp_path / "memory.swap.max").touch()
    plan = Cgroups(tmp_path, frozenset({"memory"})).plan(new_id(), Limits(memory_max_bytes=2**30))
    assert plan.settings["memory.swap.max"] == "0"


@pytest.mark.parametrize(
    ("limits", "controller"),
    [
        (Limits(memory_max_bytes=2**30), "memory"),
        (Limits(cpu_max=0.5), "cpu"),
        (Limits(pids_max=5), "pids"),
    ],
)
def test_a_limit_whose_controller_is_not_there_is_refused(
    limits: Limits, controller: str, tmp_path: Path
) -> None:
    cgroups = Cgroups(tmp_path, frozenset({"memory", "cpu", "pids"} - {controller}))
    with pytest.raises(NotEnforceable, match=f"does not have the {controller} controller"):
        cgroups.plan(new_id(), limits)


def test_without_groups_any_limit_is_refused_and_none_is_not() -> None:
    refuse_limits(None)
    refuse_limits(Limits())
    with pytest.raises(NotEnforceable, match="can't enforce cpu_max, pids_max"):
        refuse_limits(Limits(cpu_max=1, pids_max=3))


def test_empty_groups_of_the_past_are_removed_and_the_others_stay(tmp_path: Path) -> None:
    cgroups, live, past, busy = Cgroups(tmp_path, frozenset()), new_id(), new_id(), new_id()
    for execution_id in (live, past, busy):
        (tmp_path / str(execution_id)).mkdir()
    (tmp_path / str(busy) / "left-in-the-background").touch()
    cgroups.sweep([live])
    assert {path.name for path in tmp_path.iterdir()} == {str(live), str(busy)}


def test_off_is_off_and_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert open_cgroups("off", tmp_path) is None
    assert open_cgroups(str(tmp_path / "nothing"), tmp_path) is None


def test_agents_with_other_state_directories_get_other_groups(tmp_path: Path) -> None:
    one = open_cgroups(str(tmp_path), tmp_path / "one")
    two = open_cgroups(str(tmp_path), tmp_path / "two")
    assert one is not None
    assert two is not None
    assert one.jobs != two.jobs
