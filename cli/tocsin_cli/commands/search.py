"""`tocsin search`."""

from typing import Any

import click

from tocsin_cli.command import Command, connected
from tocsin_cli.completing import complete_job
from tocsin_cli.listing import limit_options
from tocsin_cli.lookup import find_job
from tocsin_cli.output.neutral import visible_lines
from tocsin_cli.output.times import local_time
from tocsin_cli.paging import pages
from tocsin_cli.session import Session
from tocsin_shared.executions import ExecutionStatus

Json = dict[str, Any]


@click.command(
    "search",
    cls=Command,
    examples=[
        "tocsin search disk full",
        "tocsin search '\"connection refused\" -retrying' --job deploy",
        "tocsin search timeout --status failed --since 2026-03-01T00:00:00Z -o json",
    ],
)
@click.argument("words", metavar="WORD...", nargs=-1, required=True)
@click.option("--job", help="Only of this job.", shell_complete=complete_job)
@click.option("--status", "execution_status", type=click.Choice([one.value for one in ExecutionStatus]))
@click.option("--since", metavar="INSTANT", help="Only from then on, such as 2026-03-01T00:00:00Z.")
@limit_options
@connected
async def search(
    session: Session,
    words: tuple[str, ...],
    job: str | None,
    execution_status: str | None,
    since: str | None,
    limit: int | None,
) -> None:
    """Find executions by what they printed, newest first, with the lines that were found.

    All words must be there; "words in quotes" in a row; -word must not. An execution is found some seconds after it
    has ended; of a long output the beginning and the end are searched.
    """
    params = {
        "q": " ".join(words),
        "job_id": (await find_job(session.api, job))["id"] if job else None,
        "status": execution_status,
        "since": since,
    }
    found = 0
    async for page in pages(session.api, "/api/executions/search", params, limit=limit):
        if session.out.is_json:
            session.out.json(page)
            continue
        for hit in page["data"]:
            found += 1
            _print(session, hit)
    if not found and not session.out.is_json:
        session.out.note("Nothing was found.")


def _print(session: Session, hit: Json) -> None:
    at = local_time(hit["started_at"] or hit["finished_at"])
    on = f" on {hit['agent_name']}" if hit["agent_name"] else ""
    session.out.line(visible_lines(f"{hit['id']}  {at}  {hit['status']}  {hit['job_name']}{on}"))
    for highlight in hit["highlights"]:
        session.out.line(visible_lines(f"    {highlight['text']}"))
