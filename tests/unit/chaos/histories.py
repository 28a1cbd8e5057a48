"""A small clean history, and ways to plant one violation in it."""

from dataclasses import replace
from typing import Any

from tests.chaos.history import (
    SECOND_NS,
    Change,
    Event,
    Execution,
    History,
    Meta,
    Operation,
    Run,
    Sample,
    Witness,
)
from tests.chaos.verdicts.every import VERDICTS
from tests.chaos.verdicts.lattice import Finding

#: A whole second, for readable instants.
ZERO_SECS = 1_800_000_000
JOB, JOB_ID = "pulse", "job-1"


def at(secs: float) -> int:
    """A moment of the story in nanoseconds."""
    return round((ZERO_SECS + secs) * SECOND_NS)


def definition(**changes: Any) -> dict[str, Any]:
    """Every five seconds, one at a time."""
    return {
        "schedule": {"type": "cron", "value": "*/5 * * * * *"},
        "task": {"type": "shell", "command": "exec /bin/witness"},
        "target": {"type": "any"},
        "max_concurrent": 1,
        "duration_secs": 1,
    } | changes


def clean() -> History:
    """A job created at 1 s, four runs of a second each, no faults after 7 s, paused at 21 s, deleted at 31 s."""
    history = History(Meta("planted", 1, healed_ns=at(7), read_ns=at(40)))
    history.operations += [
        operation("create_job", 1, definition=definition(), job_id=JOB_ID),
        operation("trigger", 2, run_id="run-t", job_id=JOB_ID),
        operation("pause_job", 21, job_id=JOB_ID),
        operation("delete_job", 31, job_id=JOB_ID),
        operation("read", 39, job=None),
    ]
    for n, due in enumerate((5, 10, 15, 20)):
        add_run(history, n, due)
    add_run(history, 9, 2.1, run="run-t", nominal=None)
    history.samples += [
        Sample(phase, role, f"{role}-1", 100 << 20, 40, 10 if role == "database" else 0, 0)
        for phase in ("before", "after")
        for role in ("controller", "agent", "database")
    ]
    return history


def operation(kind: str, secs: float, **more: Any) -> Operation:
    """An acknowledged call that took 100 ms."""
    usual: dict[str, Any] = {
        "outcome": "ok",
        "invoked_ns": at(secs),
        "answered_ns": at(secs + 0.1),
        "job": JOB,
    }
    return Operation(kind=kind, **usual | more)


def add_run(
    history: History, n: int, secs: float, *, run: str | None = None, nominal: float | None = -1
) -> None:
    """A run with one execution that took a second and ended well."""
    run_id, execution_id = run or f"run-{n}", f"execution-{n}"
    nominal_ns = None if nominal is None else at(secs)
    start = Witness(
        "start",
        execution_id,
        run_id,
        JOB_ID,
        JOB,
        1,
        1,
        nominal_ns,
        100 + n,
        "boot",
        at(secs + 0.05),
        at(secs + 0.05),
    )
    history.witness += [
        start,
        replace(start, kind="end", wall_ns=at(secs + 1), mono_ns=at(secs + 1), exit_code=0),
    ]
    history.runs.append(Run(run_id, JOB_ID, "succeeded", None, nominal_ns, is_finished=True))
    history.executions.append(
        Execution(execution_id, run_id, JOB_ID, JOB, "succeeded", None, 0, 1, 1, None, "agent-1")
    )
    trail = (
        (None, "pending", 0),
        ("pending", "pending", 1),
        ("pending", "running", 1),
        ("running", "succeeded", 1),
    )
    for old, new, fence in trail:
        number = len(history.changes) + 1
        before = 0 if old is None else history.changes[-1].new_fence
        history.changes.append(Change(number, at(secs), execution_id, old, new, before, fence))
    history.events.append(Event("execution.completed", "success", execution_id, "agent-1", "succeeded"))


def judged(verdict: str, history: History) -> Finding:
    """One verdict on it."""
    return VERDICTS[verdict](history)
