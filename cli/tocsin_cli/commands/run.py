"""`tocsin run`."""

from typing import Any

import click

from tocsin_cli.client import path_of
from tocsin_cli.command import Command, connected
from tocsin_cli.completing import complete_job
from tocsin_cli.exit_codes import ExitCode, exit_code_of_run
from tocsin_cli.failures import Failure
from tocsin_cli.lookup import find_job, for_each
from tocsin_cli.output.words import outcome_words
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
@click.option("-f", "--follow", is_flag=True, help="Print the output, and exit as the job does.")
@connected
async def run(session: Session, jobs: tuple[str, ...], params: tuple[str, ...], follow: bool) -> int:
    """Run jobs now, whatever their schedules say, and print the ids of the runs.

    With --follow the output of all executions is printed as it comes, and the exit code is the job's: 0 when it
    succeeded, the process's own code when it failed with one, 124 when it timed out, 130 when it was cancelled,
    1 otherwise. Ctrl-C stops following; the run goes on.
    """
    if follow and len(jobs) > 1:
        raise click.UsageError("--follow takes one job at a time")
    values = _parse_params(params)
    if follow:
        return await _run_and_follow(session, jobs[0], values)

    async def trigger_one(ref: str) -> None:
        await _trigger(session, ref, values)

    return await for_each(jobs, trigger_one)


async def _trigger(session: Session, ref: str, params: Json | None) -> Json:
    job = await find_job(session.api, ref)
    body = {"params": params} if params else None
    started: Json = await session.api.post(path_of("jobs", job["id"], "trigger"), body, once=True)
    if session.out.is_json:
        session.out.json(started)
    else:
        session.out.line(str(started["run_id"]))
    return started


async def _run_and_follow(session: Session, ref: str, params: Json | None) -> int:
    import asyncio

    from tocsin_cli.follow_run import RunFollower

    run_id = str((await _trigger(session, ref, params))["run_id"])
    try:
        ended = await RunFollower(session.api, session.out, run_id).to_end()
    except asyncio.CancelledError:
        session.out.note(f"no longer following; the run goes on. Cancel it with: tocsin runs cancel {run_id}")
        raise
    if session.out.is_json:
        session.out.json(ended)
    code = exit_code_of_run(ended["status"], ended["executions"])
    if code != ExitCode.OK and not session.out.is_json:
        session.out.note(_verdict(ended))
    return code


def _verdict(run: Json) -> str:
    """Why the run did not succeed, in one line."""
    why = ": ".join(str(run[key]) for key in ("reason", "message") if run.get(key))
    if not why:
        why = "; ".join(dict.fromkeys(str(one["message"]) for one in run["executions"] if one.get("message")))
    several = f" ({outcome_words(run)})" if len(run["executions"]) > 1 else ""
    return f"run {run['status'].replace('_', ' ')}{several}" + (f": {why}" if why else "")


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
