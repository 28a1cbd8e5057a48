"""Looking into a journal from outside, also while an agent writes it. Takes no lock and changes nothing."""

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from tocsin_agent.clock import Moment, boot_id
from tocsin_agent.journal.framing import scan
from tocsin_agent.journal.records import Gone, Intent, Result, Started, decode


@dataclass(slots=True)
class Unsettled:
    """An execution that the controller does not know to have ended."""

    execution_id: UUID
    job_name: str
    #: accepted, running or ended.
    state: str
    #: When that began.
    since: Moment
    spooled_bytes: int = 0
    #: Of its process, if it has one and the host was not restarted since.
    pid: int | None = None


def unsettled(directory: Path) -> list[Unsettled]:
    """What stands in a journal, oldest first."""
    try:
        payloads = scan((directory / "control.log").read_bytes()).payloads
    except OSError:
        return []
    found: dict[UUID, Unsettled] = {}
    for payload in payloads:
        try:
            record = decode(payload)
        except ValueError:
            continue
        match record:
            case Intent(execution_id=execution_id):
                found.setdefault(
                    execution_id, Unsettled(execution_id, record.job_name, "accepted", record.at)
                )
            case Started(execution_id=execution_id) if execution_id in found:
                one = found[execution_id]
                one.state, one.since = "running", record.at
                if record.process is not None and record.process.boot == boot_id():
                    one.pid = record.process.pid
            case Result(execution_id=execution_id):
                one = found.setdefault(
                    execution_id, Unsettled(execution_id, record.job_name, "ended", record.at)
                )
                one.state, one.since, one.pid = "ended", record.at, None
            case Gone(execution_ids=execution_ids):
                for execution_id in execution_ids:
                    found.pop(execution_id, None)
    for one in found.values():
        one.spooled_bytes = _size(directory / "output" / f"{one.execution_id}.out")
    return list(found.values())


def disk_bytes(directory: Path) -> int:
    """What everything below a directory takes, as far as it may be looked at."""
    try:
        return sum(_size(path) for path in directory.rglob("*") if path.is_file())
    except OSError:
        return 0


def count_files(directory: Path) -> int:
    """How many files a directory holds; 0 when there is none."""
    try:
        return sum(1 for _ in directory.iterdir())
    except OSError:
        return 0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
