"""`tocsin jobs ls`."""

from typing import Any

import click

from tocsin_cli.command import Command, connected
from tocsin_cli.completing import complete_group
from tocsin_cli.listing import limit_options, print_list
from tocsin_cli.output.printer import Printer
from tocsin_cli.output.table import Column, Table, status
from tocsin_cli.output.times import age, local_time
from tocsin_cli.output.words import schedule_words, task_words
from tocsin_cli.session import Session

_COLUMNS = (
    Column("Name", is_kept=True),
    Column("Group", is_extra=True),
    Column("Status"),
    Column("Schedule"),
    Column("Task", is_extra=True),
    Column("Next"),
    Column("Last", is_extra=True),
)


@click.command(
    "ls",
    cls=Command,
    examples=[
        "tocsin jobs ls",
        "tocsin jobs ls --group Backups --status paused",
        "tocsin jobs ls -o json | jq .data",
    ],
)
@click.option("--status", "job_status", type=click.Choice(["scheduled", "paused", "unscheduled"]))
@click.option("--group", help="Only jobs of this group.", shell_complete=complete_group)
@click.option("--search", help="Only jobs with this text in their name or task.", metavar="TEXT")
@limit_options
@connected
async def ls(
    session: Session,
    job_status: str | None,
    group: str | None,
    search: str | None,
    limit: int | None,
) -> None:
    """List jobs by name."""
    params = {"status": job_status, "group": group, "search": search}
    await print_list(session, "/api/jobs", params, limit=limit, table=_table)


def _table(_: Printer, jobs: list[dict[str, Any]]) -> Table:
    table = Table(_COLUMNS, when_empty="No jobs. Make one with: tocsin jobs create NAME --command '...'")
    for job in jobs:
        last = job.get("last_execution")
        table.add(
            job["name"],
            job["group"],
            status(job["status"]),
            schedule_words(job["schedule"], job.get("timezone")),
            task_words(job["task"]),
            f"{local_time(job['next_fire_time'], seconds=False)} ({age(job['next_fire_time'])})"
            if job.get("next_fire_time")
            else "-",
            status(last["status"], f"{last['status']} {age(last['finished_at'])}") if last else "-",
        )
    return table
