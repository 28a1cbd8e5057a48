"""`tocsin jobs pause` and `tocsin jobs resume`."""

from datetime import UTC, datetime, timedelta

import click

from tocsin_cli.client import path_of
from tocsin_cli.command import Command, connected
from tocsin_cli.completing import complete_job
from tocsin_cli.durations import parse_duration
from tocsin_cli.lookup import find_job, for_each
from tocsin_cli.output.times import time_and_age
from tocsin_cli.session import Session


@click.command(
    "pause",
    cls=Command,
    examples=[
        "tocsin jobs pause nightly-backup --note 'disk is being replaced'",
        "tocsin jobs pause nightly-backup weekly-report --for 2d",
        "tocsin jobs pause nightly-backup --until 2026-03-02T08:00:00+01:00",
    ],
)
@click.argument("jobs", metavar="JOB...", nargs=-1, required=True, shell_complete=complete_job)
@click.option("--note", metavar="TEXT", help="Why.")
@click.option("--until", metavar="INSTANT", help="Resume by itself then.")
@click.option("--for", "duration", metavar="SECS", help="Resume by itself after so long: seconds, or 5m, 2d.")
@connected
async def pause(
    session: Session, /, jobs: tuple[str, ...], note: str | None, until: str | None, duration: str | None
) -> int:
    """Stop schedules from acting, with a note and an end if wanted. Running by hand still works."""
    if until is not None and duration is not None:
        raise click.UsageError("--until and --for exclude each other")
    if duration is not None:
        try:
            end = datetime.now(UTC) + timedelta(seconds=parse_duration(duration))
        except ValueError as error:
            raise click.UsageError(str(error)) from None
        until = end.isoformat(timespec="seconds")
    return await for_each(jobs, lambda ref: _pause(session, ref, note, until))


@click.command("resume", cls=Command, examples=["tocsin jobs resume nightly-backup"])
@click.argument("jobs", metavar="JOB...", nargs=-1, required=True, shell_complete=complete_job)
@connected
async def resume(session: Session, jobs: tuple[str, ...]) -> int:
    """Let paused schedules act again."""
    return await for_each(jobs, lambda ref: _resume(session, ref))


async def _pause(session: Session, ref: str, note: str | None, until: str | None) -> None:
    found = await find_job(session.api, ref)
    job = await session.api.post(path_of("jobs", found["id"], "pause"), {"note": note, "until": until})
    if session.out.is_json:
        session.out.json(job)
        return
    end = (job.get("pause") or {}).get("until")
    session.out.line(f"paused {job['name']}{f' until {time_and_age(end)}' if end else ''}")


async def _resume(session: Session, ref: str) -> None:
    found = await find_job(session.api, ref)
    job = await session.api.post(path_of("jobs", found["id"], "resume"))
    if session.out.is_json:
        session.out.json(job)
        return
    next_fire = job.get("next_fire_time")
    when = f"next run {time_and_age(next_fire)}" if next_fire else "its schedule has nothing more to run"
    session.out.line(f"resumed {job['name']}; {when}")
