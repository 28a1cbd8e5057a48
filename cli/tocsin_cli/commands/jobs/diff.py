"""`tocsin jobs diff`."""

import click

from tocsin_cli.client import path_of
from tocsin_cli.command import Command, connected
from tocsin_cli.completing import complete_job
from tocsin_cli.lookup import find_job
from tocsin_cli.output.changes import print_changes
from tocsin_cli.session import Session


@click.command(
    "diff",
    cls=Command,
    examples=[
        "tocsin jobs diff nightly-backup",
        "tocsin jobs diff nightly-backup 3",
        "tocsin jobs diff nightly-backup 3 5",
    ],
)
@click.argument("job", shell_complete=complete_job)
@click.argument("version", required=False, type=click.IntRange(1))
@click.argument("to", required=False, type=click.IntRange(1))
@connected
async def diff(session: Session, job: str, version: int | None, to: int | None) -> None:
    """Show what differs between two versions of a job.

    With one VERSION: from that one to the newest. Without any: what the last change changed.
    """
    found = await find_job(session.api, job)
    newest = found["version"]
    if version is None:
        version = max(1, newest - 1)
    path = path_of("jobs", found["id"], "versions", str(version), "diff")
    changes = await session.api.get(path, {"to": to or newest})
    if session.out.is_json:
        session.out.json(changes)
    elif changes:
        print_changes(session.out, changes)
    else:
        session.out.note(f"versions {version} and {to or newest} are the same")
