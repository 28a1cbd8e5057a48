"""Runs as tables and fields."""

from typing import Any

from tocsin_cli.output.printer import Printer
from tocsin_cli.output.rollouts import rollout_words
from tocsin_cli.output.table import Cell, Column, Fields, Table
from tocsin_cli.output.times import age, duration_between, local_time, time_and_age
from tocsin_cli.output.words import approval_words, outcome_words, status_cell, trigger_words, waiting_words

Json = dict[str, Any]

_COLUMNS = (
    Column("Run", is_kept=True),
    Column("Job"),
    Column("Status"),
    Column("Trigger", is_extra=True),
    Column("Due or asked", is_extra=True),
    Column("Age"),
    Column("Took", is_number=True),
    Column("Executions", is_extra=True),
)


def runs_table(out: Printer, runs: list[Json]) -> Table:
    """One line for each run."""
    table = Table(_COLUMNS, when_empty="No runs.")
    ids = [run["id"] for run in runs]
    for run in runs:
        since = run.get("scheduled_for") or run["created_at"]
        table.add(
            out.shown_id(run["id"], ids),
            run.get("job_name") or run["job_id"],
            status_cell(run),
            trigger_words(run),
            local_time(since),
            age(since),
            duration_between(run.get("started_at"), run.get("finished_at")),
            outcome_words(run),
        )
    return table


def run_fields(run: Json) -> Fields:
    """Everything about one run but its executions."""
    fields: list[tuple[str, Cell]] = [
        ("Run", run["id"]),
        ("Job", f"{run.get('job_name') or ''} ({run['job_id']}, version {run['job_version']})".lstrip()),
        ("Status", status_cell(run)),
    ]
    if run.get("message"):
        fields.append(("Message", run["message"]))
    fields += [("Waits for", waiting_words(limit)) for limit in run.get("waiting_for") or []]
    if run.get("approval"):
        fields.append(("Approval", approval_words(run["approval"])))
    if run.get("rollout"):
        fields.append(("Rollout", rollout_words(run["rollout"])))
    fields.append(("Trigger", trigger_words(run)))
    if run.get("params"):
        fields.append(("Params", "\n".join(f"{name}={value}" for name, value in run["params"].items())))
    if run.get("scheduled_for"):
        fields.append(("Due", time_and_age(run["scheduled_for"])))
    fields += [
        ("Created", time_and_age(run["created_at"])),
        ("Started", time_and_age(run.get("started_at"))),
        ("Finished", time_and_age(run.get("finished_at"))),
        ("Took", duration_between(run.get("started_at"), run.get("finished_at"))),
        ("Outcome", outcome_words(run)),
    ]
    return fields
