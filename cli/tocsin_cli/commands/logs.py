"""`tocsin logs`."""

import sys
from typing import Any

import click

from tocsin_cli.client import path_of
from tocsin_cli.command import Command, connected
from tocsin_cli.failures import Missing
from tocsin_cli.lookup import find_execution, find_run
from tocsin_cli.output.executions import agent_of
from tocsin_cli.output.logs import LogPrinter
from tocsin_cli.session import Session
from tocsin_shared.executions import ExecutionStatus

Json = dict[str, Any]


@click.command(
    "logs",
    cls=Command,
    examples=[
        "tocsin logs 01994c2e-5a7b",
        "tocsin logs -f 01994c2e-5a7b",
        "tocsin logs 01994c2e-5a7b --stream stdout > dump.sql",
    ],
)
@click.argument("ref", metavar="EXEC|RUN")
@click.option("-f", "--follow", is_flag=True, help="Go on until it has ended.")
@click.option("--stream", type=click.Choice(["stdout", "stderr"]), help="Only this one, on standard output.")
@connected
async def logs(session: Session, ref: str, follow: bool, stream: str | None) -> None:
    """Print what an execution, or all executions of a run, wrote.

    Standard output goes to standard output and standard error to standard error: on a terminal line by line in
    the order of the host, into files and pipes byte by byte as the job wrote it.
    """
    if follow and stream:
        raise click.UsageError("--stream and --follow exclude each other")
    run, executions = await _find(session, ref)
    if follow and run is not None:
        from tocsin_cli.follow_run import RunFollower

        await RunFollower(session.api, session.out, run["id"]).to_end()
        return
    printer = LogPrinter(session.out)
    if len(executions) > 1:
        for one in executions:
            printer.mark(one["id"], agent_of(one))
    for one in executions:
        if stream is not None:
            await _copy(session, one["id"], stream, to_stderr=False)
        elif follow or (ExecutionStatus(one["status"]).is_final and _wants_lines(session, executions)):
            from tocsin_cli.follow_run import print_stream

            await print_stream(session.api, printer, one["id"])
        else:
            await _copy(session, one["id"], "stdout", to_stderr=False)
            await _copy(session, one["id"], "stderr", to_stderr=True)


async def _find(session: Session, ref: str) -> tuple[Json | None, list[Json]]:
    """What the id belongs to: a run with its executions, or one execution."""
    try:
        return None, [await find_execution(session.api, ref)]
    except Missing:
        try:
            run = await find_run(session.api, ref)
        except Missing:
            raise Missing(f"there is no execution or run {ref!r}", status=404) from None
    return run, run["executions"]


def _wants_lines(session: Session, executions: list[Json]) -> bool:
    """On a terminal, where order and host matter more than exact bytes; and in JSON, which has lines only."""
    return session.out.is_json or len(executions) > 1 or (session.out.is_terminal and sys.stderr.isatty())


async def _copy(session: Session, execution_id: str, stream: str, *, to_stderr: bool) -> None:
    """The bytes as they are; on a terminal harmless."""
    path = path_of("executions", execution_id, "output", stream)
    async with session.api.open(path) as response:
        if (sys.stderr if to_stderr else sys.stdout).isatty():
            text = (await response.read()).decode(errors="replace")
            session.out.terminal_text(text, to_stderr=to_stderr)
            return
        async for chunk in response.content.iter_any():
            session.out.raw(chunk, to_stderr=to_stderr)
