"""`tocsin jobs next`."""

from typing import Any

import click

from tocsin_cli.command import Command, connected
from tocsin_cli.completing import complete_job, complete_timezone
from tocsin_cli.durations import parse_duration
from tocsin_cli.lookup import find_job
from tocsin_cli.output.table import Column, Table
from tocsin_cli.output.times import age
from tocsin_cli.session import Session

_PREVIEWED = ("schedule", "timezone", "dst", "starts_at", "expires_at", "name", "jitter_secs", "blackouts")


@click.command(
    "next",
    cls=Command,
    examples=[
        "tocsin jobs next nightly-backup -n 5",
        "tocsin jobs next --cron '30 2 * * *' --timezone Europe/Berlin --dst twice --after 2026-10-24T00:00:00Z",
    ],
)
@click.argument("job", required=False, shell_complete=complete_job)
@click.option("-n", "--count", type=click.IntRange(1, 100), default=10, show_default=True, help="So many.")
@click.option("--cron", metavar="EXPR", help="An expression instead of a job.")
@click.option("--every", metavar="SECS", help="An interval instead of a job: seconds, or 5m, 1h30m.")
@click.option(
    "--timezone", metavar="NAME", help="IANA name; UTC by default.", shell_complete=complete_timezone
)
@click.option(
    "--dst", type=click.Choice(["once", "skip", "twice"]), help="What happens when the clocks change."
)
@click.option("--name", metavar="NAME", help="The name of the job to be, which H in EXPR depends on.")
@click.option("--after", metavar="INSTANT", help="Look after this instant instead of now.")
@connected
async def next_fires(
    session: Session,
    /,
    job: str | None,
    count: int,
    cron: str | None,
    every: str | None,
    **options: str | None,
) -> None:
    """Show when a job, or a schedule that is no job yet, is due next.

    Given with a job, --timezone and --dst show what would change.
    """
    if sum(one is not None for one in (job, cron, every)) != 1:
        raise click.UsageError("give one of JOB, --cron and --every")
    request: dict[str, Any] = {"count": count}
    if job is not None:
        found = await find_job(session.api, job)
        request |= _of_job(found)
        if found["status"] == "paused":
            session.out.note(f"{found['name']} is disabled; this is when it would be due")
    elif cron is not None:
        request["schedule"] = {"type": "cron", "value": cron}
    else:
        request["schedule"] = {"type": "interval", "value": {"interval_secs": _secs(every or "")}}
    request |= {key: value for key, value in options.items() if value is not None}
    preview = await session.api.post("/api/schedules/preview", request)
    if session.out.is_json:
        session.out.json(preview)
    else:
        _print(session, preview)


def _of_job(job: dict[str, Any]) -> dict[str, Any]:
    """What decides when a job is due."""
    request = {key: job[key] for key in _PREVIEWED if job.get(key) is not None}
    if job["schedule"]["type"] == "interval":
        # Only the controller knows where the counting began; its next instant leads to the same ones.
        request["starts_at"] = job.get("next_fire_time") or job.get("starts_at") or job["created_at"]
    return request


def _print(session: Session, preview: dict[str, Any]) -> None:
    fires: list[dict[str, Any]] = preview["fires"]
    has_notes = any(fire.get("notes") for fire in fires)
    zone = preview["timezone"]
    has_jitter = any(fire.get("starts_at") for fire in fires)
    columns = [Column(f"Local time ({zone})", is_kept=True), Column("Offset"), Column("UTC"), Column("When")]
    columns += [Column("Starts (UTC)")] * has_jitter + [Column("Note")] * has_notes
    table = Table(columns, when_empty=preview.get("note") or "Never due.")
    for fire in fires:
        row = [str(fire["local"]).replace("T", " "), fire["utc_offset"], _utc(fire["at"]), age(fire["at"])]
        row += [_utc(fire["starts_at"])] * has_jitter + [", ".join(fire.get("notes") or [])] * has_notes
        table.add(*row)
    session.out.table(table)
    for explanation in dict.fromkeys(fire["explanation"] for fire in fires if fire.get("explanation")):
        session.out.line(f"* {explanation}")
    if fires and preview.get("note"):
        session.out.line(preview["note"])


def _utc(instant: str) -> str:
    return str(instant).replace("T", " ").removesuffix("Z")


def _secs(text: str) -> int:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
