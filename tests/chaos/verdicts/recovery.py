"""V10 and V11: after the last fault everything is as before."""

from collections import defaultdict
from statistics import median

from tests.chaos.history import SECOND_NS, History, Sample
from tests.chaos.obligations import duties
from tests.chaos.stalls import deadline_ns
from tests.chaos.verdicts.lattice import Finding, found

MEBIBYTE = 1024 * 1024


def v10_work_starts_again(history: History) -> Finding:
    """Work that is owed soon after the last fault starts within `recovery_secs`, and calls are answered."""
    meta = history.meta
    if meta.healed_ns == 0:
        return found("V10", 0, [], nothing="no fault was over")
    patience_ns = round((meta.recovery_secs + meta.slack_secs) * SECOND_NS)
    until = deadline_ns(history, meta.healed_ns, patience_ns)
    ahead_ns = round(meta.database_ahead_secs * SECOND_NS)
    owed = [
        job
        for job, duty in duties(history).items()
        if any(meta.healed_ns < nominal - ahead_ns < until - 2 * SECOND_NS for nominal in duty.owed)
    ]
    started = {
        line.job
        for line in history.witness
        if line.kind == "start" and meta.healed_ns < line.wall_ns <= until
    }
    idle = [job for job in owed if job not in started]
    if idle and meta.read_ns < until:
        return found("V10", 0, [], nothing="the history ends before recovery was due")
    violations = [
        f"{job}: nothing started within {meta.recovery_secs:g} s of the end of faults" for job in idle
    ]
    calls = [o for o in history.operations if o.invoked_ns > until]
    if calls and not any(o.outcome == "ok" for o in calls):
        violations.append("no call succeeded after recovery was due")
    return found("V10", len(owed), violations, nothing="no work was owed after the last fault")


def v11_back_to_normal(history: History) -> Finding:
    """Memory, descriptors, database connections and spools are what they were before the first fault."""
    before = _by_role(history.samples, "before")
    violations: list[str] = []
    checked = 0
    for sample in history.samples:
        if sample.phase != "after" or sample.role not in before:
            continue
        checked += 1
        usual = before[sample.role]
        for what, value, limit in (
            (
                "bytes of memory",
                sample.rss_bytes,
                round(median(s.rss_bytes for s in usual) * 1.5) + 48 * MEBIBYTE,
            ),
            ("descriptors", sample.descriptors, max(s.descriptors for s in usual) + 24),
            ("connections", sample.connections, max(s.connections for s in usual) + 8),
            ("records in the spool", sample.spool_records, max(s.spool_records for s in usual)),
        ):
            if value > limit:
                violations.append(f"{sample.name}: {value} {what}, {limit} would be normal")
    return found("V11", checked, violations, nothing="nothing was measured before and after")


def _by_role(samples: list[Sample], phase: str) -> dict[str, list[Sample]]:
    found_: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        if sample.phase == phase:
            found_[sample.role].append(sample)
    return found_
