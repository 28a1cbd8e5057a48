"""V7 and V8: how the record came to say what it says."""

from collections import Counter, defaultdict

from tests.chaos.history import Change, History
from tests.chaos.verdicts.lattice import Finding, found

_ENDS = frozenset({"succeeded", "failed", "timed_out", "cancelled"})

#: The documented life of an execution, written down here once more: the proof does not ask the accused.
MOVES: dict[str | None, frozenset[str | None]] = {
    None: frozenset({"pending_approval", "pending"}),
    "pending_approval": frozenset({"pending", "cancelled", "skipped"}),
    "pending": _ENDS | {"running", "lost", "skipped"},
    "running": _ENDS | {"lost"},
    "lost": _ENDS,
}


def v7_truthful_history(history: History) -> Finding:
    """Every execution's changes follow each other without a gap, along legal moves, and end where the API says."""
    violations: list[str] = []
    trails = _trails(history)
    for execution_id, changes in trails.items():
        status: str | None = None
        for change in changes:
            if change.old_status != status:
                violations.append(
                    f"{execution_id}: it was {status}, the next change began at {change.old_status}"
                )
            status = change.new_status
            if change.old_status == change.new_status:
                continue
            if change.new_status not in MOVES.get(change.old_status, frozenset()):
                violations.append(f"{execution_id}: moved from {change.old_status} to {change.new_status}")
    for execution in history.executions:
        trail = trails.get(execution.id)
        if trail and trail[-1].new_status != execution.status:
            last = trail[-1].new_status
            violations.append(
                f"{execution.id}: the API says {execution.status}, its last change was to {last}"
            )
        if trail is None and trails:
            violations.append(f"{execution.id}: it is in the API, but nobody wrote it")
    violations += _told_too_often(history, trails)
    return found("V7", len(trails), violations, nothing="the auditor saw no change")


def v8_fences_only_grow(history: History) -> Finding:
    """No change lowered a fence, and no process held a fence that was never handed out."""
    violations = [
        f"{change.execution_id}: its fence fell from {change.old_fence} to {change.new_fence}"
        for change in history.changes
        if change.old_status is not None
        and change.new_status is not None
        and change.new_fence < change.old_fence
    ]
    newest = {e.id: e.fence for e in history.executions}
    checked = 0
    for line in history.witness:
        if line.kind != "start" or line.execution_id not in newest:
            continue
        checked += 1
        if line.fence > newest[line.execution_id]:
            violations.append(
                f"{line.execution_id}: a process held fence {line.fence}, the record knows {newest[line.execution_id]}"
            )
    return found("V8", checked + len(history.changes), violations, nothing="no fence was seen")


def _trails(history: History) -> dict[str, list[Change]]:
    trails: dict[str, list[Change]] = defaultdict(list)
    for change in sorted(history.changes, key=lambda c: c.number):
        trails[change.execution_id].append(change)
    return trails


def _told_too_often(history: History, trails: dict[str, list[Change]]) -> list[str]:
    """An end is told once; the end of a lost execution may be told again when its result arrives."""
    told = Counter(e.execution_id for e in history.events if e.kind == "execution.completed")
    violations = []
    for execution_id, count in told.items():
        if execution_id is None or execution_id not in trails:
            continue
        moves = {(c.old_status, c.new_status) for c in trails[execution_id] if c.old_status != c.new_status}
        ends = sum(new in _ENDS or new == "lost" for _, new in moves)
        if count > ends:
            violations.append(f"{execution_id}: it ended {ends} times and was told {count} times")
    return violations
