"""What `tocsin-agent status` says: read from the state directory, beside a running agent or without one."""

import os
from dataclasses import asdict, dataclass
from typing import Any

from tocsin_agent.identity import Identity, StateDir
from tocsin_agent.journal.inspect import Unsettled, count_files, disk_bytes, unsettled
from tocsin_agent.vitals import Vitals

#: Why an agent has ended for good, in words.
FENCED = {
    "cloned": "ended for good: another copy of this state directory is the agent now",
    "superseded": "ended: another process registers as this agent again and again",
}


@dataclass(frozen=True, slots=True)
class Spooled:
    """What waits to be delivered."""

    executions: int
    results: int
    output_bytes: int
    oldest_result_secs: float | None
    journal_bytes: int
    quarantined: int
    refused: int


@dataclass(frozen=True, slots=True)
class Status:
    """One agent, as its state directory shows it."""

    identity: Identity
    pid: int | None
    vitals: Vitals | None
    spooled: Spooled
    disk_free_bytes: int | None
    executions: list[Unsettled]

    def to_json(self) -> dict[str, Any]:
        """For programs. Keys may be added."""
        vitals = self.vitals or Vitals()
        return {
            "name": self.identity.name,
            "agent_id": str(self.identity.agent_id) if self.identity.agent_id else None,
            "pid": self.pid,
            "epoch": self.identity.epoch,
            "last_contact_secs": vitals.contact.age_secs() if vitals.contact else None,
            "in_contact": self.pid is not None and vitals.is_in_contact,
            "fenced": vitals.fenced,
            "intake_stopped": vitals.intake_stopped,
            "spool": asdict(self.spooled),
            "disk_free_bytes": self.disk_free_bytes,
            "executions": [
                {
                    "execution_id": str(one.execution_id),
                    "job": one.job_name,
                    "state": one.state,
                    "since_secs": one.since.age_secs(),
                    "pid": one.pid,
                    "output_bytes": one.spooled_bytes,
                }
                for one in self.executions
            ],
        }

    def to_lines(self) -> list[str]:
        """For people."""
        spooled = self.spooled
        lines = [
            f"agent       {self.identity.name} ({self.identity.agent_id or 'not registered yet'})",
            f"process     {f'running, pid {self.pid}' if self.pid else 'not running'}",
            f"controller  {self._contact()}; epoch {self.identity.epoch}",
            f"intake      {self._intake()}",
            f"journal     {self._journal()}",
            f"set aside   {_many(spooled.quarantined, 'damaged piece')}, {_many(spooled.refused, 'refused result')}",
        ]
        if self.disk_free_bytes is not None:
            lines.append(f"disk        {human_bytes(self.disk_free_bytes)} free")
        if self.executions:
            lines += ["", *self._table()]
        return lines

    def _journal(self) -> str:
        spooled = self.spooled
        return (
            f"{_many(spooled.executions, 'execution')} not settled, "
            f"{_many(spooled.results, 'result')} waiting{_oldest(spooled)}, "
            f"{human_bytes(spooled.output_bytes)} of output; {human_bytes(spooled.journal_bytes)} on disk"
        )

    def _contact(self) -> str:
        if self.vitals is None or self.vitals.contact is None:
            return "never heard this agent, as far as is known"
        ago = f"heard this agent {human_secs(self.vitals.contact.age_secs())} ago"
        return f"{ago}; does not answer now" if self.pid and not self.vitals.is_in_contact else ago

    def _intake(self) -> str:
        if self.vitals and self.vitals.fenced:
            return FENCED.get(self.vitals.fenced, self.vitals.fenced)
        if self.pid is None:
            return "none: no process"
        if self.vitals and self.vitals.intake_stopped:
            return f"stopped: {self.vitals.intake_stopped}"
        return "open"

    def _table(self) -> list[str]:
        rows = [("EXECUTION", "STATE", "SINCE", "PID", "OUTPUT", "JOB")]
        rows += [
            (
                str(one.execution_id),
                one.state,
                human_secs(one.since.age_secs()),
                str(one.pid or "-"),
                human_bytes(one.spooled_bytes),
                one.job_name,
            )
            for one in self.executions
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def read_status(state: StateDir) -> Status | None:
    """The agent of a state directory, or None when none has run with it. Raises StateError."""
    identity = Identity.read(state)
    if identity is None:
        return None
    executions = unsettled(state.journal_dir)
    ended = [one for one in executions if one.state == "ended"]
    spooled = Spooled(
        executions=len(executions),
        results=len(ended),
        output_bytes=sum(one.spooled_bytes for one in executions),
        oldest_result_secs=max((one.since.age_secs() for one in ended), default=None),
        journal_bytes=disk_bytes(state.journal_dir),
        quarantined=count_files(state.journal_dir / "quarantine"),
        refused=count_files(state.refused_dir),
    )
    try:
        disk = os.statvfs(state.path)
        free_bytes = disk.f_bavail * disk.f_frsize
    except OSError:
        free_bytes = None
    return Status(
        identity, state.holder_pid(), Vitals.read(state.vitals_file), spooled, free_bytes, executions
    )


def human_bytes(count: float) -> str:
    """`1.5 MB`; powers of 1,024."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TB"


def human_secs(secs: float) -> str:
    """`12 s`, `5 min`, `3 h`, `2 d`: the largest unit that is not less than two."""
    for length, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if secs >= 2 * length:
            return f"{secs // length:.0f} {unit}"
    return f"{secs:.0f} s"


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _oldest(spooled: Spooled) -> str:
    if spooled.oldest_result_secs is None:
        return ""
    return f" (the oldest for {human_secs(spooled.oldest_result_secs)})"
