"""`tocsin executions`."""

import click

from tocsin_cli.client import path_of
from tocsin_cli.command import Group, connected
from tocsin_cli.completing import complete_agent, complete_group, complete_job
from tocsin_cli.listing import limit_options, print_list
from tocsin_cli.lookup import find_agent, find_execution, find_job, for_each
from tocsin_cli.output.executions import execution_fields, executions_table
from tocsin_cli.session import Session
from tocsin_shared.executions import ExecutionStatus


@click.group(cls=Group)
def executions() -> None:
    """Show and cancel executions: one attempt of a run on one host.

    EXEC is an id, or the beginning of one.
    """


@executions.command(
    "ls",
    examples=[
        "tocsin executions ls --status running",
        "tocsin executions ls --agent web-1 --job deploy -n 10",
    ],
)
@click.option("--job", help="Only of this job.", shell_complete=complete_job)
@click.option("--agent", help="Only on this agent.", shell_complete=complete_agent)
@click.option("--group", help="Only of jobs in this group.", shell_complete=complete_group)
@click.option("--status", "execution_status", type=click.Choice([one.value for one in ExecutionStatus]))
@limit_options
@connected
async def ls(
    session: Session,
    job: str | None,
    agent: str | None,
    group: str | None,
    execution_status: str | None,
    limit: int | None,
) -> None:
    """List executions, newest first."""
    params = {
        "job_id": (await find_job(session.api, job))["id"] if job else None,
        "agent_id": (await find_agent(session.api, agent))["id"] if agent else None,
        "group": group,
        "status": execution_status,
    }
    await print_list(session, "/api/executions", params, limit=limit, table=executions_table)


@executions.command("show", examples=["tocsin executions show 01994c2e-5a7b"])
@click.argument("execution", metavar="EXEC")
@connected
async def show(session: Session, execution: str) -> None:
    """Show an execution. Its output is what `tocsin logs` prints."""
    found = await find_execution(session.api, execution)
    if session.out.is_json:
        session.out.json(found)
    else:
        session.out.fields(execution_fields(found))


@executions.command("cancel", examples=["tocsin executions cancel 01994c2e-5a7b"])
@click.argument("executions", metavar="EXEC...", nargs=-1, required=True)
@connected
async def cancel(session: Session, executions: tuple[str, ...]) -> int:
    """Cancel executions: one that waits is withdrawn, one that runs is ended by its agent."""

    async def cancel_one(ref: str) -> None:
        found = await find_execution(session.api, ref)
        answer = await session.api.post(path_of("executions", found["id"], "cancel"))
        session.out.answer(answer, f"{found['id']}: {answer['message']}")

    return await for_each(executions, cancel_one)
