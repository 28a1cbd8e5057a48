"""What a scenario leaves behind: everything the verdicts need, as JSON lines, so that it can be judged again later.

All `*_ns` are nanoseconds since 1970 by the clock of the one machine that everything runs on, except `mono_ns`,
which counts since boot.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

FILE_NAME = "history.jsonl"
SECOND_NS = 1_000_000_000

#: `fail`: certainly not done. `info`: nobody knows whether it was done.
Outcome = Literal["ok", "fail", "info"]


@dataclass(frozen=True, slots=True)
class Meta:
    """Which scenario this was, and what its verdicts allow for."""

    scenario: str
    seed: int
    #: Every fault was over.
    healed_ns: int
    #: The API was read for the last time.
    read_ns: int
    #: By then nothing was due any more and nothing ran, so everything owed has to be there.
    is_quiet: bool = False
    #: How much later than due a run may start and still count as that occurrence; the faults' length is in it.
    lateness_secs: float = 5.0
    #: Added to each bound for the clocks and the processors of a busy test machine.
    slack_secs: float = 2.0
    #: How soon work must start again after the last fault.
    recovery_secs: float = 10.0
    #: The database's clock minus this machine's, for scenarios that move it.
    database_ahead_secs: float = 0.0
    #: That clock jumped between no and so much difference, so that no instant is certainly owed.
    is_database_jumping: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """One call of a client: what was asked, and what is known about it."""

    #: create_job, update_job, pause_job, resume_job, delete_job, trigger, read.
    kind: str
    outcome: Outcome
    invoked_ns: int
    answered_ns: int
    #: The job's name, which the workload chose.
    job: str | None = None
    #: The definition that holds once this is done.
    definition: dict[str, Any] | None = None
    #: Of the answer.
    job_id: str | None = None
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """Something broken on purpose, from when to when."""

    kind: str
    target: str
    began_ns: int
    ended_ns: int


@dataclass(frozen=True, slots=True)
class Witness:
    """What a job's own process wrote down about itself."""

    #: start, alive, signal, end.
    kind: str
    execution_id: str
    run_id: str
    job_id: str
    job: str
    attempt: int
    fence: int
    #: The due instant in nanoseconds; None when triggered.
    nominal_ns: int | None
    pid: int
    boot_id: str
    wall_ns: int
    mono_ns: int
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A run as the API told it in the end."""

    id: str
    job_id: str
    status: str
    reason: str | None
    scheduled_for_ns: int | None
    is_finished: bool


@dataclass(frozen=True, slots=True)
class Execution:
    """An execution as the API told it in the end."""

    id: str
    run_id: str
    job_id: str
    job: str | None
    status: str
    reason: str | None
    exit_code: int | None
    fence: int
    attempt: int
    retry_of: str | None
    agent: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """A write to an execution, kept by a trigger that the test put into the database: the auditor."""

    number: int
    at_ns: int
    execution_id: str
    #: None: it was created.
    old_status: str | None
    #: None: it was deleted.
    new_status: str | None
    old_fence: int
    new_fence: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """An event as the API told it in the end."""

    kind: str
    severity: str
    execution_id: str | None
    agent_id: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Sample:
    """What a program took from its host."""

    #: before (all quiet, before the first fault) or after (all quiet again).
    phase: str
    #: controller, agent, database.
    role: str
    name: str
    rss_bytes: int = 0
    descriptors: int = 0
    connections: int = 0
    spool_records: int = 0


@dataclass(slots=True)
class History:
    """One scenario, from its first call to its last read."""

    meta: Meta
    operations: list[Operation] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    witness: list[Witness] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    executions: list[Execution] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)

    def save(self, directory: Path) -> Path:
        """Write it; the file's path."""
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / FILE_NAME
        with path.open("w") as file:
            for kind, item in self._items():
                file.write(json.dumps({"type": kind} | asdict(item)) + "\n")
        return path

    @classmethod
    def load(cls, directory: Path) -> "History":
        """Read what `save` wrote."""
        loaded: dict[str, list[Any]] = {kind: [] for kind in _KINDS}
        with (directory / FILE_NAME).open() as file:
            for line in file:
                item = json.loads(line)
                kind = item.pop("type")
                loaded[kind].append(_KINDS[kind](**item))
        (meta,) = loaded.pop("meta")
        return cls(meta, **loaded)

    def _items(self) -> Iterator[tuple[str, Any]]:
        yield "meta", self.meta
        for spec in fields(self)[1:]:
            for item in getattr(self, spec.name):
                yield spec.name, item


_KINDS: dict[str, Any] = {
    "meta": Meta,
    "operations": Operation,
    "faults": Fault,
    "witness": Witness,
    "runs": Run,
    "executions": Execution,
    "changes": Change,
    "events": Event,
    "samples": Sample,
}
