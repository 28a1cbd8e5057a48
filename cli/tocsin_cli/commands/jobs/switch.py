"""`tocsin jobs enable` and `tocsin jobs disable`."""

import click

from tocsin_cli.client import path_of
from tocsin_cli.command import Command, connected
from tocsin_cli.completing import complete_job
from tocsin_cli.lookup import find_job, for_each
from tocsin_cli.output.times import time_and_age
from tocsin_cli.session import Session


@click.command("enable", cls=Command, examples=["tocsin jobs enable nightly-backup"])
@click.argument("jobs", metavar="JOB...", nargs=-1, required=True, shell_complete=complete_job)
@connected
async def enable(session: Session, jobs: tuple[str, ...]) -> int:
    """Let schedules act again."""
    return await for_each(jobs, lambda ref: _set_status(session, ref, "scheduled"))


@click.command("disable", cls=Command, examples=["tocsin jobs disable nightly-backup weekly-report"])
@click.argument("jobs", metavar="JOB...", nargs=-1, required=True, shell_complete=complete_job)
@connected
async def disable(session: Session, jobs: tuple[str, ...]) -> int:
    """Pause schedules. Running by hand still works."""
    return await for_each(jobs, lambda ref: _set_status(session, ref, "paused"))


async def _set_status(session: Session, ref: str, status: str) -> None:
    found = await find_job(session.api, ref)
    job = await session.api.put(path_of("jobs", found["id"]), {"status": status})
    if session.out.is_json:
        session.out.json(job)
    elif status == "paused":
        session.out.line(f"disabled {job['name']}")
    else:
        next_fire = job.get("next_fire_time")
        when = f"next run {time_and_age(next_fire)}" if next_fire else "its schedule has nothing more to run"
        session.out.line(f"enabled {job['name']}; {when}")
