"""`tocsin jobs backfill` and `tocsin jobs backfills`."""

from typing import Any

import click

from tocsin_cli.client import path_of
from tocsin_cli.command import Command, connected
from tocsin_cli.completing import complete_job
from tocsin_cli.lookup import find_job
from tocsin_cli.output.table import Column, Table
from tocsin_cli.output.times import local_time, time_and_age
from tocsin_cli.session import Session

Json = dict[str, Any]

_COLUMNS = (
    Column("Backfill", is_kept=True),
    Column("Status"),
    Column("From"),
    Column("To"),
    Column("Instants", is_number=True),
    Column("Left out", is_number=True),
    Column("Runs"),
)


@click.command(
    "backfill",
    cls=Command,
    examples=[
        "tocsin jobs backfill daily-report --from 2026-03-01T00:00:00Z --to 2026-03-08T00:00:00Z --dry-run",
        "tocsin jobs backfill daily-report --from 2026-03-01T00:00:00Z --to 2026-03-08T00:00:00Z --max-concurrent 4",
        "tocsin jobs backfill --cancel 01994c2e-5a7b-7c31-9f0e-2b8d6f1a4c55",
    ],
)
@click.argument("job", required=False, shell_complete=complete_job)
@click.option("--from", "since", metavar="INSTANT", help="The first instant that counts.")
@click.option("--to", "until", metavar="INSTANT", help="The last one; not in the future.")
@click.option(
    "--max-concurrent",
    type=click.IntRange(1, 100),
    default=1,
    show_default=True,
    help="So many runs at once.",
)
@click.option("--include-skipped", is_flag=True, help="Also what is recorded as skipped or missed.")
@click.option("--dry-run", is_flag=True, help="Show what would be run.")
@click.option(
    "--cancel", metavar="BACKFILL", help="Start no more runs of this one, and cancel its open ones."
)
@connected
async def backfill(
    session: Session,
    /,
    job: str | None,
    since: str | None,
    until: str | None,
    cancel: str | None,
    **options: Any,
) -> None:
    """Run a job for instants of the past at which its schedule would have been due."""
    if cancel is not None:
        if job is not None or since is not None or until is not None:
            raise click.UsageError("--cancel takes the id of a backfill and nothing else")
        shown: Json = await session.api.post(path_of("backfills", cancel, "cancel"), params={"runs": "true"})
    else:
        if job is None or since is None or until is None:
            raise click.UsageError("give JOB, --from and --to")
        found = await find_job(session.api, job)
        body = {"from": since, "to": until, **options}
        shown = await session.api.post(path_of("jobs", found["id"], "backfill"), body, once=True)
    if session.out.is_json:
        session.out.json(shown)
        return
    session.out.line(_sentence(shown))
    for instant in shown.get("would_run") or []:
        session.out.line(f"  {local_time(instant)}")


@click.command("backfills", cls=Command, examples=["tocsin jobs backfills daily-report"])
@click.argument("job", shell_complete=complete_job)
@connected
async def backfills(session: Session, job: str) -> None:
    """List a job's backfills, newest first."""
    found = await find_job(session.api, job)
    rows: list[Json] = await session.api.get(path_of("jobs", found["id"], "backfills"))
    if session.out.is_json:
        session.out.json(rows)
        return
    table = Table(_COLUMNS, when_empty="No backfills.")
    for row in rows:
        counts = (str(row["instants"]), str(row["left_out"]))
        table.add(
            row["id"],
            row["status"],
            local_time(row["from"]),
            local_time(row["to"]),
            *counts,
            _runs(row) or "-",
        )
    session.out.table(table)


def _sentence(shown: Json) -> str:
    instants = (
        f"{shown['instants']} instants from {time_and_age(shown['from'])} to {time_and_age(shown['to'])}"
    )
    if shown["status"] == "dry_run":
        return f"{instants}; {shown['instants'] - shown['left_out']} would be run"
    runs = _runs(shown)
    return f"backfill {shown['id']} of {shown['job_name']}: {shown['status']}; {instants}{f'; {runs}' if runs else ''}"


def _runs(shown: Json) -> str:
    return ", ".join(f"{count} {status}" for status, count in sorted(shown["runs"].items()))
