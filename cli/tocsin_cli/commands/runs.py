"""`tocsin runs`."""

from typing import Any

import click

from tocsin_cli.client import path_of
from tocsin_cli.command import Group, connected
from tocsin_cli.completing import complete_job
from tocsin_cli.following import follow_to_exit_code
from tocsin_cli.listing import limit_options, print_list
from tocsin_cli.lookup import find_job, find_run, for_each
from tocsin_cli.output.runs import run_fields, runs_table
from tocsin_cli.session import Session
from tocsin_shared.executions import RunStatus


@click.group(cls=Group)
def runs() -> None:
    """Show, cancel and retry runs: one occurrence of a job, with an execution for each attempt on each host.

    RUN is an id, or the beginning of one.
    """


@runs.command("ls", examples=["tocsin runs ls", "tocsin runs ls --job nightly-backup --status failed -n 10"])
@click.option("--job", help="Only runs of this job.", shell_complete=complete_job)
@click.option("--status", "run_status", type=click.Choice([one.value for one in RunStatus]))
@limit_options
@connected
async def ls(session: Session, job: str | None, run_status: str | None, limit: int | None) -> None:
    """List runs, newest first."""
    job_id = (await find_job(session.api, job))["id"] if job else None
    params = {"job_id": job_id, "status": run_status}
    await print_list(session, "/api/runs", params, limit=limit, table=runs_table)


@runs.command("show", examples=["tocsin runs show 01994c2e-5a7b"])
@click.argument("run")
@connected
async def show(session: Session, run: str) -> None:
    """Show a run, its executions, and the hosts it could not reach."""
    found: dict[str, Any] = await find_run(session.api, run)
    if session.out.is_json:
        session.out.json(found)
        return
    from tocsin_cli.output.executions import executions_table

    session.out.fields(run_fields(found))
    if found["executions"]:
        session.out.heading("Executions")
        session.out.table(executions_table(session.out, found["executions"], with_job=False))
    if found.get("not_reached"):
        session.out.heading("Not reached")
        session.out.fields([(one["name"], one["why"]) for one in found["not_reached"]])


@runs.command("cancel", examples=["tocsin runs cancel 01994c2e-5a7b"])
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@connected
async def cancel(session: Session, runs: tuple[str, ...]) -> int:
    """Cancel runs: what waits is withdrawn, what runs is ended by its agent."""

    async def cancel_one(ref: str) -> None:
        found = await find_run(session.api, ref)
        answer = await session.api.post(path_of("runs", found["id"], "cancel"))
        session.out.answer(answer, f"{found['id']}: {answer['message']}")

    return await for_each(runs, cancel_one)


@runs.command(
    "retry", examples=["tocsin runs retry 01994c2e-5a7b", "tocsin runs retry 01994c2e-5a7b --all --follow"]
)
@click.argument("run")
@click.option(
    "--failed",
    "only",
    flag_value="failed",
    default="failed",
    help="Only hosts that failed or were not reached (the default).",
)
@click.option("--all", "only", flag_value="all", help="All hosts of the run.")
@click.option("-f", "--follow", is_flag=True, help="Print the output, and exit as the job does.")
@connected
async def retry(session: Session, run: str, only: str, follow: bool) -> int:
    """Run a job again, as it is now, on the hosts of an earlier run, and print the id of the new run.

    To run it as it was then, see `tocsin replay`.
    """
    found = await find_run(session.api, run)
    started = await session.api.post(path_of("runs", found["id"], "retry"), {"only": only}, once=True)
    session.out.answer(started, str(started["run_id"]))
    return await follow_to_exit_code(session, str(started["run_id"])) if follow else 0
