"""`tocsin jobs delete`."""

import click

from tocsin_cli.client import path_of
from tocsin_cli.command import Command, connected
from tocsin_cli.completing import complete_job
from tocsin_cli.confirming import confirm, yes_option
from tocsin_cli.lookup import find_job, for_each
from tocsin_cli.session import Session


@click.command(
    "delete", cls=Command, examples=["tocsin jobs delete old-report", "tocsin jobs delete a b c --yes"]
)
@click.argument("jobs", metavar="JOB...", nargs=-1, required=True, shell_complete=complete_job)
@yes_option
@connected
async def delete(session: Session, jobs: tuple[str, ...], yes: bool) -> int:
    """Delete jobs. What waits for an agent is withdrawn; what runs goes on to its end."""

    async def delete_one(ref: str) -> None:
        job = await find_job(session.api, ref)
        confirm(f"Delete job {job['name']}?", yes=yes)
        await session.api.delete(path_of("jobs", job["id"]))
        if not session.out.is_json:
            session.out.line(f"deleted {job['name']}")

    return await for_each(jobs, delete_one)
