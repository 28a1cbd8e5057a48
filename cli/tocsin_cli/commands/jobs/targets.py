"""`tocsin jobs targets`."""

import click

from tocsin_cli.client import path_of
from tocsin_cli.command import Command, connected
from tocsin_cli.completing import complete_job
from tocsin_cli.lookup import find_job
from tocsin_cli.output.eligibility import print_explanation
from tocsin_cli.session import Session


@click.command("targets", cls=Command, examples=["tocsin jobs targets nightly-backup"])
@click.argument("job", shell_complete=complete_job)
@connected
async def targets(session: Session, job: str) -> None:
    """Show which agents can run a job right now, and what keeps the others from it."""
    found = await find_job(session.api, job)
    print_explanation(session.out, await session.api.get(path_of("jobs", found["id"], "targets")))
