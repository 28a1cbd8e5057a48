"""`tocsin run`."""

from typing import Any

import click

from tocsin_cli.client import path_of
from tocsin_cli.command import Command, connected
from tocsin_cli.completing import complete_job
from tocsin_cli.failures import Failure
from tocsin_cli.following import follow_to_exit_code
from tocsin_cli.lookup import find_job, for_each
from tocsin_cli.session import Session

Json = dict[str, Any]


@click.command(
    "run",
    cls=Command,
    examples=[
        "tocsin run nightly-backup",
        "tocsin run deploy --param version=1.4.2 --param dry_run=true --follow",
        'tocsin run smoke-test --follow || echo "failed with $?"',
    ],
)
@click.argument("jobs", metavar="JOB...", nargs=-1, required=True, shell_complete=complete_job)
@click.option(
    "-p", "--param", "params", metavar="NAME=VALUE", multiple=True, help="Value of a parameter; repeatable."
)
@click.option(
    "--skip-deps", is_flag=True, help="Even if jobs that it waits for have not ended as they should."
)
@click.option("-f", "--follow", is_flag=True, help="Print the output, and exit as the job does.")
@connected
async def run(
    session: Session, jobs: tuple[str, ...], params: tuple[str, ...], follow: bool, skip_deps: bool
) -> int:
    """Run jobs now, whatever their schedules say, and print the ids of the runs.

    With --follow the output of all executions is printed as it comes, and the exit code is the job's: 0 when it
    succeeded, the process's own code when it failed with one, 124 when it timed out, 130 when it was cancelled,
    1 otherwise. Ctrl-C stops following; the run goes on.
    """
    if follow and len(jobs) > 1:
        raise click.UsageError("--follow takes one job at a time")
    values = _parse_params(params)
    if follow:
        started = await _trigger(session, jobs[0], values, skip_deps=skip_deps)
        return await follow_to_exit_code(session, str(started["run_id"]))

    async def trigger_one(ref: str) -> None:
        await _trigger(session, ref, values, skip_deps=skip_deps)

    return await for_each(jobs, trigger_one)


async def _trigger(session: Session, ref: str, params: Json | None, *, skip_deps: bool) -> Json:
    job = await find_job(session.api, ref)
    body = {"params": params} if params else None
    query = {"skip_deps": "true"} if skip_deps else None
    path = path_of("jobs", job["id"], "trigger")
    started: Json = await session.api.post(path, body, params=query, once=True)
    if session.out.is_json:
        session.out.json(started)
    else:
        session.out.line(str(started["run_id"]))
        if started.get("message", "job triggered") != "job triggered":
            session.out.note(str(started["message"]))
    return started


def _parse_params(params: tuple[str, ...]) -> Json | None:
    values: Json = {}
    for param in params:
        name, equals, value = param.partition("=")
        if not equals or not name:
            raise click.UsageError(f"--param takes NAME=VALUE, not {param!r}")
        if name in values:
            raise Failure(f"--param {name} is given twice")
        values[name] = value
    return values or None
