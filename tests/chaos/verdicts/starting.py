"""V3 and V4: a process starts once, and never beside another where that is forbidden."""

from collections import Counter, defaultdict
from itertools import combinations
from typing import NamedTuple

from tests.chaos.history import SECOND_NS, Change, Execution, History, Witness
from tests.chaos.obligations import duties
from tests.chaos.verdicts.lattice import Finding, found


def v3_one_start(history: History) -> Finding:
    """At most one process was started for each execution, which is one attempt."""
    starts = Counter(line.execution_id for line in history.witness if line.kind == "start")
    pids = {(line.execution_id, line.pid, line.boot_id) for line in history.witness}
    processes = Counter(execution_id for execution_id, _, _ in pids)
    violations = [f"{e}: {n} starts were witnessed" for e, n in starts.items() if n > 1]
    violations += [f"{e}: {n} processes wrote" for e, n in processes.items() if n > 1 and starts[e] <= 1]
    return found("V3", len(starts), violations, nothing="no start was witnessed")


class _Span(NamedTuple):
    line: Witness
    began_ns: int
    last_ns: int


def v4_no_overlap(history: History) -> Finding:
    """Runs of a job with `max_concurrent: 1`, and attempts of one run, never live at the same time.

    Not forbidden, because not promised: an execution that was declared lost before the other one started, when
    its owner did not say `on_lost: retry`; and one whose host was frozen.
    """
    obliged = duties(history)
    executions = {e.id: e for e in history.executions}
    lost_at = _lost_at(history.changes)
    frozen = {f.target for f in history.faults if f.kind == "freeze_agent"}
    by_job: dict[str, list[_Span]] = defaultdict(list)
    for span in _spans(history.witness):
        by_job[span.line.job].append(span)
    violations: list[str] = []
    checked = 0
    for job, spans in by_job.items():
        definition = (obliged[job].definition if job in obliged else None) or {}
        is_single = definition.get("max_concurrent") == 1
        is_all = (definition.get("target") or {}).get("type") == "all"
        for one, other in combinations(sorted(spans, key=lambda s: s.began_ns), 2):
            is_same_run = one.line.run_id == other.line.run_id
            if (is_all and is_same_run) or not (is_single or is_same_run):
                continue
            checked += 1
            if other.began_ns >= one.last_ns:
                continue
            if (
                definition.get("on_lost", "fail") == "fail"
                and lost_at.get(one.line.execution_id, 2**63) <= other.line.wall_ns
            ):
                continue
            if _agent(executions, one) in frozen:
                continue
            overlap = (min(one.last_ns, other.last_ns) - other.began_ns) / SECOND_NS
            violations.append(
                f"{job}: {other.line.execution_id} ran beside {one.line.execution_id} for {overlap:.2f} s"
            )
    return found("V4", checked, violations, nothing="no two runs that may not overlap")


def _spans(lines: list[Witness]) -> list[_Span]:
    """From each start to the last sign of life, by the clock that all processes of the host share."""
    last: dict[tuple[str, int], int] = {}
    for line in lines:
        key = (line.execution_id, line.pid)
        last[key] = max(last.get(key, 0), line.mono_ns)
    return [
        _Span(line, line.mono_ns, last[line.execution_id, line.pid]) for line in lines if line.kind == "start"
    ]


def _lost_at(changes: list[Change]) -> dict[str, int]:
    return {change.execution_id: change.at_ns for change in changes if change.new_status == "lost"}


def _agent(executions: dict[str, Execution], span: _Span) -> str | None:
    execution = executions.get(span.line.execution_id)
    return execution.agent if execution else None
