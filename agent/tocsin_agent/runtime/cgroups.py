"""A cgroup (v2) for each execution, where a part of the tree was handed to the agent.

Layout: BASE/agent holds the agent and the keepers (a group that hands controllers down may hold no process itself),
BASE/jobs-HASH/EXECUTION one job each; HASH tells agents with different state directories apart.
"""

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from tocsin_agent.runtime.spec import CgroupPlan
from tocsin_shared.logs import log
from tocsin_shared.protocol import Limits

#: The group of the agent itself; systemd puts it there (DelegateSubgroup=agent) or it goes there.
AGENT_GROUP = "agent"
CONTROLLERS = ("memory", "cpu", "pids")
_CPU_PERIOD_USECS = 100_000
_DELEGATED = ("user.delegate", "trusted.delegate")


class NotEnforceable(Exception):
    """A limit was asked for that this host can't keep; the message is a sentence that says why."""


class NotDelegated(Exception):
    """No part of the tree is the agent's; the message says why."""


@dataclass(frozen=True, slots=True)
class Cgroups:
    """Where this agent makes a group for each execution."""

    jobs: Path
    #: Those that are at work in the groups of jobs.
    controllers: frozenset[str]

    def plan(self, execution_id: UUID, limits: Limits | None) -> CgroupPlan:
        """The group of an execution. Raises NotEnforceable."""
        settings: dict[str, str] = {}
        if limits is not None:
            self._demand("memory", "memory_max_bytes", limits.memory_max_bytes)
            self._demand("cpu", "cpu_max", limits.cpu_max)
            self._demand("pids", "pids_max", limits.pids_max)
            if limits.memory_max_bytes is not None:
                settings["memory.max"] = str(limits.memory_max_bytes)
                # All of the job or none of it: half a pipeline computes wrong results.
                settings["memory.oom.group"] = "1"
                if (self.jobs / "memory.swap.max").exists():
                    settings["memory.swap.max"] = "0"
            if limits.cpu_max is not None:
                quota_usecs = max(1000, round(limits.cpu_max * _CPU_PERIOD_USECS))
                settings["cpu.max"] = f"{quota_usecs} {_CPU_PERIOD_USECS}"
            if limits.pids_max is not None:
                settings["pids.max"] = str(limits.pids_max)
        return CgroupPlan(self.jobs / str(execution_id), settings)

    def kill(self, execution_id: UUID) -> None:
        """Everything in an execution's group, at once."""
        with suppress(OSError):
            (self.jobs / str(execution_id) / "cgroup.kill").write_text("1")

    def sweep(self, live: Iterable[UUID]) -> None:
        """Remove the empty groups of executions that are over; processes left in the background keep theirs."""
        kept = {str(execution_id) for execution_id in live}
        with suppress(OSError):
            for group in os.scandir(self.jobs):
                if group.is_dir() and group.name not in kept:
                    with suppress(OSError):
                        Path(group.path).rmdir()

    def close(self) -> None:
        """Remove what is empty; what is not belongs to jobs that go on."""
        with suppress(OSError):
            self.jobs.rmdir()

    def _demand(self, controller: str, limit: str, value: float | None) -> None:
        if value is not None and controller not in self.controllers:
            raise NotEnforceable(
                f"This host can't enforce {limit}: the agent's cgroup does not have the {controller} controller."
            )


def refuse_limits(limits: Limits | None) -> None:
    """For hosts without groups for jobs. Raises NotEnforceable."""
    if limits is not None and limits.model_dump(exclude_none=True):
        names = ", ".join(limits.model_dump(exclude_none=True))
        raise NotEnforceable(f"This host can't enforce {names}: the agent has no cgroup (v2) of its own.")


def open_cgroups(where: str, state_dir: Path) -> Cgroups | None:
    """The tree for jobs: `auto` (if one was delegated to this process), `off`, or below a given directory."""
    if where == "off":
        return None
    try:
        if where == "auto":
            base = _delegated_base(_own_group(), Path("/proc/self/mountinfo").read_text())
        else:
            base = Path(where)
        tag = hashlib.sha256(os.fsencode(state_dir.resolve())).hexdigest()[:8]
        jobs = base / f"jobs-{tag}"
        jobs.mkdir(exist_ok=True)
        return Cgroups(jobs, _hand_down(base, jobs))
    except NotDelegated as error:
        log.info("cgroups_not_used", why=str(error))
    except OSError as error:
        level = log.info if where == "auto" else log.error
        level("cgroups_not_used", why=f"{error.filename}: {error.strerror}")
    return None


def _own_group() -> str:
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        if line.startswith("0::"):
            return line[3:]
    raise NotDelegated("this host has no cgroup v2")


def _delegated_base(own: str, mounts: str) -> Path:
    """Whose tree is it? Only what was handed over is touched (systemd says so in an attribute)."""
    mount = _mount_of_v2(mounts)
    group = mount / own.lstrip("/")
    base = group.parent if group.name == AGENT_GROUP else group
    if _is_delegated(base):
        if base == group and "INVOCATION_ID" in os.environ:
            # systemd puts the next agent into the very group that must hold no process then. Without handing
            # down controllers the groups still hold their jobs together.
            log.info("cgroup_without_limits", why="they need systemd 254, or tocsin-jobs.service")
        elif base == group:
            _move_into(base / AGENT_GROUP)
        return base
    if own == "/" and (mount / "cgroup.type").exists():
        # The root of a container's own part of the tree: nobody else is inside.
        _move_into(mount / AGENT_GROUP)
        return mount
    raise NotDelegated(f"the cgroup {own} was not delegated to the agent")


def _mount_of_v2(mounts: str) -> Path:
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        if after.split(" ", 1)[0] == "cgroup2":
            return Path(before.split(" ")[4])
    raise NotDelegated("no cgroup v2 is mounted")


def _is_delegated(group: Path) -> bool:
    for name in _DELEGATED:
        with suppress(OSError):
            if os.getxattr(group, name) == b"1":
                return True
    return False


def _move_into(group: Path) -> None:
    group.mkdir(exist_ok=True)
    (group / "cgroup.procs").write_text(str(os.getpid()))


def _hand_down(base: Path, jobs: Path) -> frozenset[str]:
    """Make the controllers work in the groups of jobs, one by one: some may not be there, or not allowed."""
    at_work: set[str] = set()
    own_pids = (base / "cgroup.procs").read_text().split() if (base / "cgroup.procs").exists() else []
    if str(os.getpid()) in own_pids:
        return frozenset()  # see _delegated_base
    for controller in CONTROLLERS:
        with suppress(OSError):
            for group in (base, jobs):
                (group / "cgroup.subtree_control").write_text(f"+{controller}")
            at_work.add(controller)
    return frozenset(at_work)
