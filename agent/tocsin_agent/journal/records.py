"""What stands in the journal. No record holds a task, so commands and secrets never reach this disk."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tocsin_agent.clock import Moment
from tocsin_shared.executions import ExecutionStatus, Reason
from tocsin_shared.wire import dumps, loads


@dataclass(frozen=True, slots=True)
class Intent:
    """An execution was accepted. Durable before anything of it is started (G2).

    A second one for the same execution only brings a newer fence.
    """

    execution_id: UUID
    fence: int
    job_name: str
    task_type: str
    at: Moment
    #: See `Assignment.self_fence_secs`; on disk because it binds the next process of the agent too.
    self_fence_secs: float | None = None
    kill_grace_secs: float = 10.0


@dataclass(frozen=True, slots=True)
class ProcessMark:
    """One process, told apart from a later one with the same number."""

    pid: int
    #: Seconds between boot and its start, from /proc/PID/stat.
    started_secs: float
    boot: str


@dataclass(frozen=True, slots=True)
class Started:
    """It runs."""

    execution_id: UUID
    at: Moment
    process: ProcessMark | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """How it ended. Durable before it is reported (G4)."""

    execution_id: UUID
    seq: int
    status: ExecutionStatus
    at: Moment
    started_at: Moment | None = None
    exit_code: int | None = None
    reason: Reason | None = None
    message: str | None = None
    stdout_bytes: int = 0
    stderr_bytes: int = 0
    stdout_truncated: bool = False
    stderr_truncated: bool = False
    cpu_secs: float | None = None
    peak_memory_bytes: int | None = None
    #: As in the intent, so that the result can be reported even if that record is damaged. 0: not known.
    fence: int = 0
    job_name: str = ""


@dataclass(frozen=True, slots=True)
class Gone:
    """These are settled with the controller."""

    execution_ids: tuple[UUID, ...]


Record = Intent | Started | Result | Gone

_KINDS: dict[type, str] = {
    Intent: "intent",
    Started: "started",
    Result: "result",
    Gone: "gone",
}


def encode(record: Record) -> bytes:
    """As JSON: `[kind, fields]`."""
    return dumps((_KINDS[type(record)], record))


def decode(payload: bytes) -> Record:
    """Reads what `encode` wrote. Raises ValueError for anything else."""
    try:
        kind, fields = loads(payload)
        record: Record = _DECODERS[kind](fields)
        return record
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a journal record: {error!r}") from error


def _intent(f: dict[str, Any]) -> Intent:
    return Intent(
        UUID(f["execution_id"]),
        int(f["fence"]),
        str(f["job_name"]),
        str(f["task_type"]),
        Moment.from_json(f["at"]),
        self_fence_secs=float(f["self_fence_secs"]) if f.get("self_fence_secs") is not None else None,
        kill_grace_secs=float(f.get("kill_grace_secs", 10.0)),
    )


def _started(f: dict[str, Any]) -> Started:
    mark = f["process"]
    process = ProcessMark(int(mark["pid"]), float(mark["started_secs"]), str(mark["boot"])) if mark else None
    return Started(UUID(f["execution_id"]), Moment.from_json(f["at"]), process)


def _result(f: dict[str, Any]) -> Result:
    plain = {
        key: f[key]
        for key in (
            "seq", "exit_code", "message", "stdout_bytes", "stderr_bytes", "stdout_truncated",
            "stderr_truncated", "cpu_secs", "peak_memory_bytes",
        )
    }  # fmt: skip
    return Result(
        execution_id=UUID(f["execution_id"]),
        status=ExecutionStatus(f["status"]),
        reason=Reason(f["reason"]) if f["reason"] else None,
        at=Moment.from_json(f["at"]),
        started_at=Moment.from_json(f["started_at"]) if f["started_at"] else None,
        fence=int(f.get("fence", 0)),
        job_name=str(f.get("job_name", "")),
        **plain,
    )


_DECODERS: dict[str, Any] = {
    "intent": _intent,
    "started": _started,
    "result": _result,
    "gone": lambda f: Gone(tuple(map(UUID, f["execution_ids"]))),
}
