"""`tocsin pipelines`."""

from typing import Any

import click

from tocsin_cli.client import path_of
from tocsin_cli.command import Group, connected
from tocsin_cli.failures import Missing
from tocsin_cli.listing import limit_options, print_list
from tocsin_cli.output.pipelines import (
    pipeline_fields,
    pipeline_runs_table,
    pipelines_table,
    steps_table,
)
from tocsin_cli.session import Session

Json = dict[str, Any]


@click.group(cls=Group)
def pipelines() -> None:
    """Show, start and retry pipelines: groups of jobs that wait for each other."""


@pipelines.command("ls", examples=["tocsin pipelines ls", "tocsin pipelines ls ETL"])
@click.argument("group", required=False)
@limit_options
@connected
async def ls(session: Session, group: str | None, limit: int | None) -> None:
    """List pipelines; with GROUP its runs, newest first."""
    if group is not None:
        await print_list(session, _runs_path(group), {}, limit=limit, table=pipeline_runs_table)
        return
    found = await session.api.get("/api/pipelines")
    if session.out.is_json:
        session.out.json(found)
    else:
        session.out.table(pipelines_table(session.out, found))


@pipelines.command("show", examples=["tocsin pipelines show ETL", "tocsin pipelines show ETL 01994c2e-5a7b"])
@click.argument("group")
@click.argument("run", default="last")
@connected
async def show(session: Session, group: str, run: str) -> None:
    """Show a pipeline run: its steps, what they wait for, and the critical path. RUN is an id, the beginning of one, or
    `last`.
    """
    found: Json = await session.api.get(f"{_runs_path(group)}/{await _find(session, group, run)}")
    if session.out.is_json:
        session.out.json(found)
        return
    session.out.fields(pipeline_fields(found))
    session.out.heading("Steps")
    session.out.table(steps_table(session.out, found))


@pipelines.command("run", examples=["tocsin pipelines run ETL"])
@click.argument("group")
@connected
async def run(session: Session, group: str) -> None:
    """Start every job of a group that waits for no other job of it; the others follow."""
    _say(session, await session.api.post(_runs_path(group), once=True))


@pipelines.command(
    "retry", examples=["tocsin pipelines retry ETL", "tocsin pipelines retry ETL 01994c2e-5a7b"]
)
@click.argument("group")
@click.argument("run", default="last")
@connected
async def retry(session: Session, group: str, run: str) -> None:
    """Run a pipeline run again from the steps that failed. RUN is an id, the beginning of one, or `last`."""
    found = await _find(session, group, run)
    _say(session, await session.api.post(f"{_runs_path(group)}/{found}/retry", once=True))


@pipelines.command(
    "schedule",
    examples=[
        'tocsin pipelines schedule ETL --cron "0 2 * * *" --timezone Europe/Berlin',
        "tocsin pipelines schedule ETL --clear",
    ],
)
@click.argument("group")
@click.option("--cron", metavar="EXPRESSION", help="Start at these times.")
@click.option("--every", "every_secs", metavar="SECONDS", type=int, help="Start after every so many seconds.")
@click.option(
    "--timezone", metavar="ZONE", help="Whose wall clock counts, such as Europe/Berlin; UTC by default."
)
@click.option("--clear", is_flag=True, help="No longer start by itself.")
@connected
async def schedule(
    session: Session,
    group: str,
    cron: str | None,
    every_secs: int | None,
    timezone: str | None,
    clear: bool,
) -> None:
    """Have a pipeline start by itself, or show when it does."""
    if (cron is not None) + (every_secs is not None) + clear > 1:
        raise click.UsageError("give one of --cron, --every and --clear")
    path = path_of("jobs", "pipeline-schedule", group)
    if clear:
        await session.api.delete(path)
    elif cron is not None or every_secs is not None:
        value: Any = cron if cron is not None else {"interval_secs": every_secs}
        kind = "cron" if cron is not None else "interval"
        await session.api.put(path, {"schedule": {"type": kind, "value": value}, "timezone": timezone})
    session.out.json(await session.api.get(path))


def _runs_path(group: str) -> str:
    return path_of("pipelines", group, "runs")


async def _find(session: Session, group: str, ref: str) -> str:
    """The id of a pipeline run among the newest of its group."""
    runs: list[Json] = (await session.api.get(_runs_path(group), {"per_page": 100}))["data"]
    named = [one for one in runs if one["id"].startswith(ref.lower())]
    matching = runs[:1] if ref == "last" else named
    if len(matching) > 1:
        raise Missing(f"{ref!r} fits several pipeline runs; name more of the id")
    if not matching:
        raise Missing(
            f"group {group!r} has no such pipeline run; see: tocsin pipelines ls {group}", status=404
        )
    return str(matching[0]["id"])


def _say(session: Session, answer: Json) -> None:
    session.out.answer(answer, str(answer["pipeline_run_id"]))
