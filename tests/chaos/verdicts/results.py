"""V5 and V6: what a process did is what the record says, and the record says nothing that did not happen."""

from tests.chaos.history import SECOND_NS, History
from tests.chaos.obligations import duties
from tests.chaos.verdicts.lattice import Finding, found

#: The longest that an end may wait to be on disk.
_TO_WRITE_DOWN_NS = 2 * SECOND_NS
_STOPPED = frozenset({"cancelled", "timed_out", "failed"})


def v5_no_result_lost(history: History) -> Finding:
    """Each witnessed end is the recorded end of that execution, with the same exit code.

    A host that lost power just then may not have had the time to write the end down: `interrupted` is the truth.
    A database that lost what it was told of an end says `epoch_changed`.
    """
    executions = {e.id: e for e in history.executions}
    signalled = {line.execution_id for line in history.witness if line.kind == "signal"}
    superseded = {e.retry_of for e in history.executions if e.retry_of is not None}
    ends = [line for line in history.witness if line.kind == "end"]
    violations: list[str] = []
    for line in ends:
        record = executions.get(line.execution_id)
        if record is None:
            violations.append(
                f"{line.execution_id}: it ended with {line.exit_code}, but is not in the record"
            )
            continue
        if line.execution_id in signalled and record.status in _STOPPED:
            continue
        if record.status == "lost" and line.execution_id in superseded:
            continue  # another attempt took its place; what it did is in the archive, not in the outcome
        if record.reason == "epoch_changed":
            continue  # it was recorded in the part of the database that was lost
        if record.reason == "interrupted" and _lost_power(history, record.agent, line.wall_ns):
            continue
        wanted = "succeeded" if line.exit_code == 0 else "failed"
        if (record.status, record.exit_code) != (wanted, line.exit_code):
            shown = f"{record.status}({record.reason}) with exit code {record.exit_code}"
            violations.append(f"{line.execution_id}: it ended with {line.exit_code}, recorded is {shown}")
    return found("V5", len(ends), violations, nothing="no end was witnessed")


def _lost_power(history: History, agent: str | None, ended_ns: int) -> bool:
    return any(
        fault.kind == "power" and fault.target == agent and fault.ended_ns - ended_ns >= 0
        and fault.began_ns - ended_ns < _TO_WRITE_DOWN_NS
        for fault in history.faults
    )  # fmt: skip


def v6_no_phantom(history: History) -> Finding:
    """Each recorded success is a process that was seen to end with exit code 0."""
    ended_well = {line.execution_id for line in history.witness if line.kind == "end" and line.exit_code == 0}
    witnessed_jobs = {
        job for job, duty in duties(history).items() if "witness" in str((duty.definition or {}).get("task"))
    }
    ids = {o.job_id for o in history.operations if o.job in witnessed_jobs}
    successes = [e for e in history.executions if e.status == "succeeded" and e.job_id in ids]
    violations = [
        f"{e.id}: recorded as succeeded, but no end with 0 was witnessed"
        for e in successes
        if e.id not in ended_well
    ]
    return found("V6", len(successes), violations, nothing="nothing is recorded as succeeded")
