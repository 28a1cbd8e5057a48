"""Executions as tables and fields."""

from typing import Any

from tocsin_cli.durations import format_bytes
from tocsin_cli.output.printer import Printer
from tocsin_cli.output.table import Cell, Column, Fields, Table
from tocsin_cli.output.times import age, duration_between, local_time, time_and_age
from tocsin_cli.output.words import approval_words, status_cell, task_words, trigger_words

Json = dict[str, Any]

#: Of a value that an output rule took.
MOST_VALUE_CHARS = 200

_JOB = Column("Job")
_COLUMNS = (
    Column("Execution", is_kept=True),
    _JOB,
    Column("Agent"),
    Column("Status"),
    Column("Exit", is_number=True),
    Column("Try", is_number=True, is_extra=True),
    Column("Started", is_extra=True),
    Column("Age"),
    Column("Took", is_number=True),
)


def executions_table(out: Printer, executions: list[Json], *, with_job: bool = True) -> Table:
    """One line for each execution."""
    table = Table([one for one in _COLUMNS if with_job or one is not _JOB], when_empty="No executions.")
    ids = [one["id"] for one in executions]
    for one in executions:
        table.add(
            out.shown_id(one["id"], ids),
            *([job_of(one)] if with_job else []),
            agent_of(one),
            status_cell(one),
            "-" if one.get("exit_code") is None else str(one["exit_code"]),
            str(one.get("attempt_number", 1)),
            local_time(one.get("started_at")),
            age(one.get("started_at") or one.get("created_at")),
            duration_between(one.get("started_at"), one.get("finished_at")),
        )
    return table


def execution_fields(one: Json) -> Fields:
    """Everything about one execution but its output."""
    fields: list[tuple[str, Cell]] = [
        ("Execution", one["id"]),
        ("Job", f"{job_of(one)} ({one['job_id']})"),
        ("Run", one.get("run_id") or "-"),
        ("Agent", agent_of(one)),
        ("Task", task_words(one.get("task_snapshot"))),
        ("Status", status_cell(one)),
    ]
    if one.get("message"):
        fields.append(("Message", one["message"]))
    if one.get("approval"):
        fields.append(("Approval", approval_words(one["approval"])))
    fields += [
        ("Exit code", "-" if one.get("exit_code") is None else str(one["exit_code"])),
        (
            "Attempt",
            str(one.get("attempt_number", 1))
            + (f", retry of {one['retry_of']}" if one.get("retry_of") else ""),
        ),
        ("Trigger", trigger_words(one)),
        ("Created", time_and_age(one.get("created_at"))),
        ("Started", time_and_age(one.get("started_at"))),
        ("Finished", time_and_age(one.get("finished_at"))),
        ("Took", duration_between(one.get("started_at"), one.get("finished_at"))),
    ]
    if one.get("cancel_requested_at"):
        fields.append(("Cancel asked", time_and_age(one["cancel_requested_at"])))
    usage = one.get("usage") or {}
    if usage.get("cpu_secs") is not None:
        fields.append(("CPU", f"{usage['cpu_secs']:.2f} s"))
    if usage.get("peak_memory_bytes"):
        fields.append(("Peak memory", format_bytes(usage["peak_memory_bytes"])))
    fields += [(name.capitalize(), _size_of(one, name)) for name in ("stdout", "stderr")]
    return fields + [
        (f"Value of {name}", _short(value)) for name, value in (one.get("extracted") or {}).items()
    ]


def _short(value: str) -> str:
    """A value that an output rule took: enough of it to know it by."""
    return value if len(value) <= MOST_VALUE_CHARS else f"{value[:MOST_VALUE_CHARS]}…"


def job_of(one: Json) -> str:
    """The job's name, or its id when it has gone."""
    return str(one.get("job_name") or one["job_id"])


def agent_of(one: Json) -> str:
    """The agent's name, or its id when it has gone, or `-` while nobody has taken it."""
    return str(one.get("agent_name") or one.get("agent_id") or "-")


def _size_of(one: Json, stream: str) -> str:
    size = one.get(f"{stream}_bytes")
    words = format_bytes(size) if size is not None else "-"
    return f"{words}, the middle is cut out" if one.get(f"{stream}_truncated") else words
