"""`tocsin why`."""

from typing import Any

import click

from tocsin_cli.client import path_of
from tocsin_cli.command import Command, connected
from tocsin_cli.completing import complete_job
from tocsin_cli.failures import Missing
from tocsin_cli.lookup import find_job, find_run
from tocsin_cli.output.why import print_why
from tocsin_cli.session import Session

Json = dict[str, Any]


@click.command("why", cls=Command, examples=["tocsin why 01994c2e-5a7b", "tocsin why nightly-backup"])
@click.argument("ref", metavar="RUN|JOB", shell_complete=complete_job)
@connected
async def why(session: Session, ref: str) -> None:
    """Say why a run ran, waits, was skipped or did not run; of a job, when it runs and what keeps it from it now."""
    print_why(session.out, await _explanation(session, ref))


async def _explanation(session: Session, ref: str) -> Json:
    """Of the run with this id, or else of the job."""
    try:
        kind, found = "runs", await find_run(session.api, ref)
    except Missing:
        try:
            kind, found = "jobs", await find_job(session.api, ref)
        except Missing:
            raise Missing(f"there is no run or job {ref!r}", status=404) from None
    explained: Json = await session.api.get(path_of(kind, str(found["id"]), "explain"))
    return explained
