"""`tocsin replay`."""

from typing import Any

import click

from tocsin_cli.client import path_of
from tocsin_cli.command import Command, connected
from tocsin_cli.failures import Missing
from tocsin_cli.following import follow_to_exit_code
from tocsin_cli.lookup import find_execution, find_run
from tocsin_cli.session import Session

Json = dict[str, Any]


@click.command(
    "replay", cls=Command, examples=["tocsin replay 01994c2e-5a7b", "tocsin replay 01994c2e-5a7b --follow"]
)
@click.argument("ref", metavar="EXEC|RUN")
@click.option("-f", "--follow", is_flag=True, help="Print the output, and exit as the job does.")
@connected
async def replay(session: Session, ref: str, follow: bool) -> int:
    """Run again what ran before, as it was then, and print the id of the new run.

    The new run has the task, the target and the parameters of the old one, even if the job was changed since. An
    execution that was one of many on different hosts is replayed on its own host, a run on all of them.
    """
    started: Json = await session.api.post(await _path(session, ref), once=True)
    session.out.answer(started, str(started["run_id"]))
    return await follow_to_exit_code(session, str(started["run_id"])) if follow else 0


async def _path(session: Session, ref: str) -> str:
    """What the id belongs to: an execution, or else a run."""
    try:
        return path_of("executions", str((await find_execution(session.api, ref))["id"]), "replay")
    except Missing:
        try:
            return path_of("runs", str((await find_run(session.api, ref))["id"]), "replay")
        except Missing:
            raise Missing(f"there is no execution or run {ref!r}", status=404) from None
