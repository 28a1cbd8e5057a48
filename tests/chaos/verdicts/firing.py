"""V1, V2 and V9: what was due happened once, and nothing else did."""

from collections import Counter, defaultdict

from tests.chaos.history import SECOND_NS, History, Run, Witness
from tests.chaos.matching import Window, match
from tests.chaos.obligations import Duties, duties
from tests.chaos.stalls import deadline_ns
from tests.chaos.verdicts.lattice import Finding, found

#: With any other reason the record itself says that, or why, nothing came to its own end.
_WITNESSED_REASONS = (None, "exit_code")


def v1_nothing_missed(history: History) -> Finding:
    """Every owed instant has a complete run in its window or a recorded reason why not; every trigger has a run."""
    ids, records = _job_ids(history), _records(history)
    starts = _complete_starts(history)
    meta = history.meta
    patience_ns = round((meta.lateness_secs + meta.slack_secs) * SECOND_NS)
    ahead_ns = round(meta.database_ahead_secs * SECOND_NS)
    violations: list[str] = []
    checked = 0
    for job, duty in duties(history).items():
        last = meta.read_ns + ahead_ns
        if not meta.is_quiet:
            last -= patience_ns + _duration_ns(duty)
        owed = [nominal for nominal in duty.owed if nominal < last]
        checked += len(owed)
        must_run: list[int] = []
        for nominal in owed:
            record = records.get((ids.get(job, ""), nominal))
            if record is None:
                violations.append(f"{job}: nothing is recorded for the instant {_clock(nominal)}")
            elif not record.is_finished:
                violations.append(f"{job}: the run of {_clock(nominal)} never ended")
            elif record.reason in _WITNESSED_REASONS and _is_witnessed(duty):
                must_run.append(nominal)
        opens = [nominal - ahead_ns for nominal in must_run]
        windows = [Window(moment, deadline_ns(history, moment, patience_ns)) for moment in opens]
        missed = match(windows, starts.get(job, [])).missed
        violations += [f"{job}: no complete run was witnessed for {_clock(must_run[k])}" for k in missed]
    runs = {run.id: run for run in history.runs}
    for operation in history.operations:
        if operation.kind == "trigger" and operation.outcome == "ok":
            checked += 1
            run = runs.get(operation.run_id or "")
            if run is None or not run.is_finished:
                violations.append(
                    f"{operation.job}: the triggered run {operation.run_id} is lost or never ended"
                )
    return found("V1", checked, violations, nothing="no acknowledged schedule owed anything")


def v2_one_record_per_instant(history: History) -> Finding:
    """No instant of a schedule has two runs, and no run stands at an instant that was never due."""
    names = {job_id: job for job, job_id in _job_ids(history).items()}
    obliged = duties(history)
    violations: list[str] = []
    scheduled = [run for run in history.runs if run.scheduled_for_ns is not None]
    for (job_id, nominal), count in Counter((r.job_id, r.scheduled_for_ns) for r in scheduled).items():
        if count > 1:
            violations.append(f"{names.get(job_id, job_id)}: {count} runs are recorded for {_clock(nominal)}")
    witnessed: dict[tuple[str, int | None], set[str]] = defaultdict(set)
    for line in _starts(history):
        if line.nominal_ns is not None:
            witnessed[line.job, line.nominal_ns].add(line.run_id)
    for (job, nominal), run_ids in witnessed.items():
        if len(run_ids) > 1:
            violations.append(f"{job}: {len(run_ids)} different runs started for {_clock(nominal)}")
    for run in scheduled:
        duty = obliged.get(names.get(run.job_id, ""))
        if duty is not None and run.scheduled_for_ns not in duty.possible:
            violations.append(
                f"{duty.job}: a run is recorded for {_clock(run.scheduled_for_ns)}, which was not due"
            )
    return found("V2", len(scheduled), violations, nothing="no scheduled run was recorded")


def v9_silence_is_kept(history: History) -> Finding:
    """No start after an acknowledged pause or deletion, and none of a job whose creation was refused."""
    obliged = duties(history)
    refused = {o.job for o in history.operations if o.kind == "create_job" and o.outcome == "fail"}
    deleted = {o.job for o in history.operations if o.kind == "delete_job" and o.outcome == "ok"}
    slack_ns = round(history.meta.slack_secs * SECOND_NS)
    ahead_ns = round(history.meta.database_ahead_secs * SECOND_NS)
    starts = _starts(history)
    violations: list[str] = []
    for line in starts:
        duty = obliged.get(line.job)
        if duty is None:
            violations.append(f"{line.job}: a process started, but nobody asked for such a job")
            continue
        if line.job in refused and not duty.owed and not duty.possible and line.nominal_ns is not None:
            violations.append(f"{line.job}: a process started, but its creation was refused")
            continue
        for began, ended in duty.silent:
            if not began + slack_ns < line.wall_ns < ended or began == 0:
                continue
            is_new = line.nominal_ns is not None and line.nominal_ns - ahead_ns > began
            if line.job in deleted or is_new:
                violations.append(
                    f"{line.job}: a process started at {_clock(line.wall_ns)}, after pause or deletion"
                )
    return found("V9", len(starts), violations, nothing="nothing started at all")


def _records(history: History) -> dict[tuple[str, int], Run]:
    return {(r.job_id, r.scheduled_for_ns): r for r in history.runs if r.scheduled_for_ns is not None}


def _job_ids(history: History) -> dict[str, str]:
    told = {line.job: line.job_id for line in history.witness}
    return told | {o.job: o.job_id for o in history.operations if o.job is not None and o.job_id is not None}


def _starts(history: History) -> list[Witness]:
    return [line for line in history.witness if line.kind == "start"]


def _complete_starts(history: History) -> dict[str, list[int]]:
    """When the processes that came to their end were started, by job."""
    complete = {line.execution_id for line in history.witness if line.kind == "end"}
    starts: dict[str, list[int]] = defaultdict(list)
    for line in _starts(history):
        if line.execution_id in complete:
            starts[line.job].append(line.wall_ns)
    return starts


def _is_witnessed(duty: Duties) -> bool:
    return "witness" in str((duty.definition or {}).get("task"))


def _duration_ns(duty: Duties) -> int:
    return round(float((duty.definition or {}).get("duration_secs", 0)) * SECOND_NS)


def _clock(nominal_ns: int | None) -> str:
    return "-" if nominal_ns is None else f"{nominal_ns / SECOND_NS:.3f}"
