"""`tocsin jobs rollback`."""

import click

from tocsin_cli.client import path_of
from tocsin_cli.command import Command, connected
from tocsin_cli.completing import complete_job
from tocsin_cli.confirming import confirm, yes_option
from tocsin_cli.lookup import find_job
from tocsin_cli.output.changes import print_changes
from tocsin_cli.session import Session


@click.command("rollback", cls=Command, examples=["tocsin jobs rollback nightly-backup 3"])
@click.argument("job", shell_complete=complete_job)
@click.argument("version", type=click.IntRange(1))
@yes_option
@connected
async def rollback(session: Session, job: str, version: int, yes: bool) -> None:
    """Make an old version of a job the newest one again.

    The old definition is saved as a new version, after the same checks as any other change.
    """
    found = await find_job(session.api, job)
    versions = path_of("jobs", found["id"], "versions", str(found["version"]), "diff")
    changes = await session.api.get(versions, {"to": version})
    if not changes:
        session.out.note("nothing to change: it is like that already")
        return
    if not yes:
        print_changes(session.out, changes)
    confirm(f"Go back to version {version} of {found['name']}?", yes=yes)
    body = {"version": version, "if_unmodified_since": found["updated_at"]}
    job_now = await session.api.post(path_of("jobs", found["id"], "rollback"), body)
    if session.out.is_json:
        session.out.json(job_now)
    else:
        session.out.line(
            f"{job_now['name']} is as in version {version}; saved as version {job_now['version']}"
        )
