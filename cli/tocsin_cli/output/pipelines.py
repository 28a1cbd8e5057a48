"""Pipelines and their runs as tables and fields."""

from typing import Any

from tocsin_cli.durations import format_duration
from tocsin_cli.output.printer import Printer
from tocsin_cli.output.table import Cell, Column, Fields, Table, status
from tocsin_cli.output.times import age, duration_between, local_time, time_and_age
from tocsin_cli.output.words import schedule_words, trigger_words

Json = dict[str, Any]

_PIPELINES = (
    Column("Group", is_kept=True),
    Column("Jobs", is_number=True),
    Column("Schedule", is_extra=True),
    Column("Next"),
    Column("Last run"),
    Column("Age"),
)
_RUNS = (
    Column("Run", is_kept=True),
    Column("Status"),
    Column("Trigger", is_extra=True),
    Column("Began"),
    Column("Took", is_number=True),
)
_STEPS = (
    Column("Job", is_kept=True),
    Column("State"),
    Column("Waits for"),
    Column("Run"),
    Column("Started", is_extra=True),
    Column("Took", is_number=True),
    Column("Critical"),
)


def pipelines_table(out: Printer, pipelines: list[Json]) -> Table:
    """One line for each group."""
    table = Table(_PIPELINES, when_empty="No pipelines.")
    for one in pipelines:
        last = one["last_run"]
        table.add(
            one["group"],
            str(one["jobs"]),
            schedule_words(one["schedule"]) if one["schedule"] else "-",
            age(one["next_fire_time"]),
            _status(last["status"]) if last else "-",
            age(last["created_at"]) if last else "-",
        )
    return table


def pipeline_runs_table(out: Printer, runs: list[Json]) -> Table:
    """One line for each pipeline run."""
    table = Table(_RUNS, when_empty="No pipeline runs.")
    ids = [run["id"] for run in runs]
    for run in runs:
        table.add(
            out.shown_id(run["id"], ids),
            _status(run["status"]),
            trigger_words(run),
            local_time(run["created_at"]),
            duration_between(run["created_at"], run["finished_at"]),
        )
    return table


def pipeline_fields(run: Json) -> Fields:
    """Everything about one pipeline run but its steps."""
    names = {step["job_id"]: step["job_name"] or step["job_id"] for step in run["steps"]}
    fields: list[tuple[str, Cell]] = [
        ("Pipeline run", run["id"]),
        ("Group", run["group"]),
        ("Status", _status(run["status"])),
        ("Trigger", trigger_words(run)),
        ("Began", time_and_age(run["created_at"])),
        ("Ended", time_and_age(run["finished_at"])),
        ("Took", duration_between(run["created_at"], run["finished_at"])),
        (
            "Steps",
            ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in run["counts"].items()) or "-",
        ),
    ]
    if run["critical_path"]:
        path = " → ".join(str(names.get(job_id, job_id)) for job_id in run["critical_path"])
        fields.append(("Critical path", f"{path} ({format_duration(run['critical_path_secs'])})"))
    return fields


def steps_table(out: Printer, run: Json) -> Table:
    """One line for each step, in the order in which they started."""
    names = {step["job_id"]: step["job_name"] or step["job_id"] for step in run["steps"]}
    parents: dict[str, list[str]] = {}
    for edge in run["edges"]:
        condition = "" if edge["condition"] == "success" else f" ({edge['condition']})"
        name = names.get(edge["parent_id"], edge["parent_id"])
        parents.setdefault(edge["job_id"], []).append(f"{name}{condition}")
    table = Table(_STEPS, when_empty="No steps.")
    ids = [step["run_id"] for step in run["steps"] if step["run_id"]]
    for step in run["steps"]:
        words = step["state"].replace("_", " ")
        shown = f"{words} ({step['reason']})" if step["reason"] else words
        secs = step["duration_secs"]
        table.add(
            step["job_name"] or step["job_id"],
            status(step["state"], shown),
            ", ".join(parents.get(step["job_id"], [])) or "-",
            out.shown_id(step["run_id"], ids) if step["run_id"] else "-",
            local_time(step["started_at"]),
            "-" if secs is None else format_duration(secs),
            "yes" if step["job_id"] in run["critical_path"] else "",
        )
    return table


def _status(word: str) -> Cell:
    return status("cancelled" if word == "incomplete" else word, word)
