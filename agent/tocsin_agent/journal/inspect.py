"""Looking into a journal from outside, also while an agent writes it."""

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from tocsin_agent.journal.framing import scan
from tocsin_agent.journal.records import Gone, Intent, Result, Started, decode


@dataclass(slots=True)
class Unsettled:
    """An execution that the controller does not know to have ended."""

    execution_id: UUID
    job_name: str
    #: accepted, running or ended.
    state: str
    spooled_bytes: int


def unsettled(directory: Path) -> list[Unsettled]:
    """What stands in a journal, oldest first. Changes nothing."""
    try:
        payloads = scan((directory / "control.log").read_bytes()).payloads
    except FileNotFoundError:
        return []
    found: dict[UUID, Unsettled] = {}
    for payload in payloads:
        try:
            record = decode(payload)
        except ValueError:
            continue
        match record:
            case Intent(execution_id=execution_id, job_name=job_name):
                found.setdefault(execution_id, Unsettled(execution_id, job_name, "accepted", 0))
            case Started(execution_id=execution_id) if execution_id in found:
                found[execution_id].state = "running"
            case Result(execution_id=execution_id) if execution_id in found:
                found[execution_id].state = "ended"
            case Gone(execution_ids=execution_ids):
                for execution_id in execution_ids:
                    found.pop(execution_id, None)
    for one in found.values():
        output = directory / "output" / f"{one.execution_id}.out"
        one.spooled_bytes = output.stat().st_size if output.exists() else 0
    return list(found.values())
