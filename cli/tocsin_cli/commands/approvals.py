"""`tocsin approve` and `tocsin reject`."""

from typing import Any

import click

from tocsin_cli.client import path_of
from tocsin_cli.command import Command, connected
from tocsin_cli.failures import Failure, Missing
from tocsin_cli.lookup import find_execution, find_run, for_each
from tocsin_cli.session import Session

Json = dict[str, Any]

_WAITING = "pending_approval"


@click.command(
    "approve",
    cls=Command,
    examples=[
        "tocsin executions ls --status pending_approval",
        "tocsin approve 01994c2e-5a7b --note 'checked with the database team'",
    ],
)
@click.argument("runs", metavar="RUN|EXEC...", nargs=-1, required=True)
@click.option("--note", help="Why, for those who look at the run later.")
@connected
async def approve(session: Session, runs: tuple[str, ...], note: str | None) -> int:
    """Let runs go that wait for approval.

    RUN|EXEC is the id of a run or of one of its executions, or the beginning of one: a decision counts for the whole
    run.
    """
    return await _decide(session, runs, "approve", note)


@click.command("reject", cls=Command, examples=["tocsin reject 01994c2e-5a7b --note 'not during the sale'"])
@click.argument("runs", metavar="RUN|EXEC...", nargs=-1, required=True)
@click.option("--note", help="Why, for those who look at the run later.")
@connected
async def reject(session: Session, runs: tuple[str, ...], note: str | None) -> int:
    """Cancel runs that wait for approval.

    RUN|EXEC is the id of a run or of one of its executions, or the beginning of one: a decision counts for the whole
    run.
    """
    return await _decide(session, runs, "reject", note)


async def _decide(session: Session, refs: tuple[str, ...], verb: str, note: str | None) -> int:
    async def decide_one(ref: str) -> None:
        execution_id = await _waiting_execution(session, ref)
        body = {"note": note} if note else None
        answer: Json = await session.api.post(path_of("executions", execution_id, verb), body, once=True)
        session.out.answer(answer, f"{answer['run_id']}: {answer['message']}")

    return await for_each(refs, decide_one)


async def _waiting_execution(session: Session, ref: str) -> str:
    """The execution to name: the one that was meant, or one of the run that waits."""
    try:
        found = await find_execution(session.api, ref)
    except Missing:
        run = await find_run(session.api, ref)
        waiting = [one["id"] for one in run["executions"] if one["status"] == _WAITING]
        if not waiting:
            raise Failure(f"run {run['id']} does not wait for approval: it is {run['status']}") from None
        return str(waiting[0])
    return str(found["id"])
