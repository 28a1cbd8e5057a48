"""`tocsin jobs show`."""

from typing import Any

import click

from tocsin_cli.command import Command, connected
from tocsin_cli.completing import complete_job
from tocsin_cli.durations import format_duration
from tocsin_cli.lookup import find_job
from tocsin_cli.output.table import Cell, status
from tocsin_cli.output.times import time_and_age
from tocsin_cli.output.words import schedule_words
from tocsin_cli.session import Session
from tocsin_cli.targets import describe_target

Json = dict[str, Any]


@click.command(
    "show",
    cls=Command,
    examples=["tocsin jobs show nightly-backup", "tocsin jobs show nightly-backup --yaml > job.yaml"],
)
@click.argument("job", shell_complete=complete_job)
@click.option("--yaml", "as_yaml", is_flag=True, help="The definition, as `jobs create -f` takes it.")
@connected
async def show(session: Session, job: str, as_yaml: bool) -> None:
    """Show everything about a job."""
    found = await find_job(session.api, job)
    if as_yaml:
        from tocsin_cli.job_diff import editable
        from tocsin_cli.manifests import write_document

        click.echo(write_document(editable(found)), nl=False)
    elif session.out.is_json:
        session.out.json(found)
    else:
        names = await _agent_names(session, found)
        session.out.fields(
            [
                *_identity(found),
                *_task(found["task"]),
                *_parameters(found),
                *_when(found),
                *_where(found, names),
                *_past(found),
            ]
        )


def _identity(job: Json) -> list[tuple[str, Cell]]:
    fields: list[tuple[str, Cell]] = [
        ("Name", job["name"]),
        ("Id", job["id"]),
        ("Group", job["group"]),
        ("Status", status(job["status"])),
    ]
    if job.get("description"):
        fields.append(("Description", job["description"]))
    return fields


def _task(task: Json) -> list[tuple[str, Cell]]:
    fields: list[tuple[str, Cell]] = [("Task", str(task["type"]))]
    for key, value in task.items():
        if key == "type" or value is None:
            continue
        if isinstance(value, dict):
            value = "\n".join(f"{name}={one}" for name, one in value.items())
        fields.append((f"  {key}", str(value).rstrip("\n")))
    return fields


def _parameters(job: Json) -> list[tuple[str, Cell]]:
    """One line for each."""
    lines = []
    for one in job.get("parameters") or ():
        kind = " | ".join(one["options"]) if one.get("options") else one["param_type"]
        default = f", default {one['default']}" if one.get("default") is not None else ""
        lines.append(f"{one['name']}: {kind}{', required' if one['required'] else ''}{default}")
    return [("Parameters", "\n".join(lines))] if lines else []


def _when(job: Json) -> list[tuple[str, Cell]]:
    fields: list[tuple[str, Cell]] = [("Schedule", schedule_words(job["schedule"], job.get("timezone")))]
    if job["schedule"]["type"] == "cron":
        fields.append(("Clock changes", f"dst: {job.get('dst', 'once')}"))
    fields.append(("Next", time_and_age(job.get("next_fire_time"))))
    if pause := job.get("pause"):
        end = f", until {time_and_age(pause['until'])}" if pause["until"] else ""
        note = f"\n{pause['note']}" if pause["note"] else ""
        fields.append(("Paused", f"{time_and_age(pause['at'])} by {pause['by']}{end}{note}"))
    for label, key in (("Starts", "starts_at"), ("Expires", "expires_at")):
        if job.get(key):
            fields.append((label, time_and_age(job[key])))
    for number, one in enumerate(job.get("deps_status") or ()):
        fields.append(("" if number else "Waits for", _dependency(one)))
    fields.append(("Catch-up", f"{job['catchup']}, within {format_duration(job['catchup_window_secs'])}"))
    return fields


def _where(job: Json, agent_names: dict[str, str]) -> list[tuple[str, Cell]]:
    fields: list[tuple[str, Cell]] = [("Target", describe_target(job.get("target"), agent_names))]
    if job.get("run_as"):
        fields.append(("Run as", job["run_as"]))
    timeout_secs = job.get("timeout_secs")
    fields += [
        ("Priority", str(job["priority"])),
        ("Timeout", format_duration(timeout_secs) if timeout_secs else "none"),
        ("Retries", _retries(job)),
        ("When lost", _when_lost(job)),
        ("At once", _at_once(job)),
    ]
    if key := job.get("concurrency"):
        fields.append(("Shares a key", f"{key['key']}, at most {key['limit']} at once"))
    if deadline := job.get("sla_deadline"):
        warning = job.get("sla_warning_mins")
        fields.append(("Deadline", deadline + (f", warned of {warning} min before" if warning else "")))
    alerts = {name: value for name, value in (job.get("alerts") or {}).items() if value is not None}
    if alerts:
        fields.append(("Alerts", ", ".join(f"{name} {value}" for name, value in alerts.items())))
    if job.get("approval_required"):
        expires = job.get("approval_expires_secs")
        fields.append(("Approval", f"required, within {format_duration(expires)}" if expires else "required"))
    return fields


def _dependency(one: Json) -> str:
    """`extract (success, within 1h 00m 00s): 'extract' has not run`"""
    within = f", within {format_duration(one['within_secs'])}" if one["within_secs"] else ""
    words = f"{one['job_name'] or one['job_id']} ({one['condition']}{within})"
    return words if one["satisfied"] else f"{words}: {one['why']}"


def _past(job: Json) -> list[tuple[str, Cell]]:
    fields: list[tuple[str, Cell]] = []
    if last := job.get("last_execution"):
        fields.append(
            ("Last", status(last["status"], f"{last['status']}, {time_and_age(last['finished_at'])}"))
        )
    if counts := job.get("execution_counts"):
        words = f"{counts['total']} executions, {counts['succeeded']} succeeded, {counts['failed']} failed"
        fields.append(("Lately", words))
    by = f" by {job['created_by']}" if job.get("created_by") else ""
    fields.append(("Created", time_and_age(job["created_at"]) + by))
    version = f", version {job['version']}" if job.get("version") else ""
    fields.append(("Changed", time_and_age(job["updated_at"]) + version))
    return fields


def _at_once(job: Json) -> str:
    if not job["max_concurrent"]:
        return "no limit"
    more = {"queue": "wait", "replace": "replace the oldest"}.get(job.get("overlap", ""), "are skipped")
    return f"{job['max_concurrent']}, more {more}"


def _retries(job: Json) -> str:
    if not job["retry_max"]:
        return "none"
    growth = f", each wait times {job['retry_backoff']:g}" if job["retry_backoff"] != 1 else ""
    return f"{job['retry_max']}, after {format_duration(job['retry_delay_secs'])}{growth}"


def _when_lost(job: Json) -> str:
    silence = f"silent for {format_duration(job['lost_after_secs'])}"
    if job.get("on_lost") != "retry":
        return f"stays lost ({silence})"
    return f"runs again, up to {job['on_lost_max']} times ({silence})"


async def _agent_names(session: Session, job: Json) -> dict[str, str]:
    if (job.get("target") or {}).get("type") != "agent":
        return {}
    return {agent["id"]: agent["name"] for agent in await session.api.get("/api/agents")}
