"""`tocsin templates`."""

from typing import Any

import click

from tocsin_cli.client import path_of
from tocsin_cli.command import Command, Group, connected
from tocsin_cli.completing import complete_job, complete_template
from tocsin_cli.confirming import confirm, yes_option
from tocsin_cli.failures import Failure
from tocsin_cli.lookup import find_job, for_each
from tocsin_cli.output.table import Column, Table
from tocsin_cli.output.times import time_and_age
from tocsin_cli.output.words import task_words
from tocsin_cli.session import Session

_COLUMNS = (
    Column("Name", is_kept=True),
    Column("Task"),
    Column("Description"),
    Column("Saved by", is_extra=True),
)


@click.group(cls=Group)
def templates() -> None:
    """Show, save and delete what new jobs start from.

    Make a job from one with: tocsin jobs create NAME --template TEMPLATE
    """


@templates.command("ls", cls=Command, examples=["tocsin templates ls"])
@connected
async def ls(session: Session) -> None:
    """List templates by name."""
    rows: list[dict[str, Any]] = await session.api.get("/api/templates")
    if session.out.is_json:
        session.out.json(rows)
        return
    table = Table(
        _COLUMNS, when_empty="No templates. Make one with: tocsin templates save NAME --from-job JOB"
    )
    for row in rows:
        table.add(row["name"], _task(row["snapshot"]), row["description"] or "-", row["created_by"])
    session.out.table(table)


@templates.command("show", cls=Command, examples=["tocsin templates show 'HTTP Health Check'"])
@click.argument("name", shell_complete=complete_template)
@connected
async def show(session: Session, name: str) -> None:
    """Print what a template holds."""
    from tocsin_cli.manifests import write_document

    row: dict[str, Any] = await session.api.get(path_of("templates", name))
    if session.out.is_json:
        session.out.json(row)
        return
    saved = f"# saved by {row['created_by']} {time_and_age(row['created_at'])}"
    about = "".join(f"# {line}\n" for line in (row["description"] or "").splitlines())
    session.out.lines(f"{about}{saved}\n{write_document(row['snapshot'])}".removesuffix("\n"))


@templates.command(
    "save",
    cls=Command,
    examples=[
        "tocsin templates save backup --from-job nightly-backup",
        "tocsin templates save check -f check.yaml --description 'Is the service well?'",
    ],
)
@click.argument("name")
@click.option("--from-job", metavar="JOB", help="Take this job's definition.", shell_complete=complete_job)
@click.option("-f", "--file", "source", metavar="FILE", help="YAML or JSON; - is standard input.")
@click.option("--description", metavar="TEXT", help="What it is for.")
@connected
async def save(
    session: Session, name: str, from_job: str | None, source: str | None, description: str | None
) -> None:
    """Save a template, or replace the one of this name."""
    if (from_job is None) == (source is None):
        raise click.UsageError("give either --from-job JOB or -f FILE")
    snapshot = await _snapshot_of(session, from_job) if from_job is not None else _read(str(source))
    body = {"name": name, "description": description, "snapshot": snapshot}
    row = await session.api.post("/api/templates", body)
    session.out.answer(row, f"saved template {row['name']}")


@templates.command("rm", cls=Command, examples=["tocsin templates rm old-check --yes"])
@click.argument("names", metavar="NAME...", nargs=-1, required=True, shell_complete=complete_template)
@yes_option
@connected
async def rm(session: Session, names: tuple[str, ...], yes: bool) -> int:
    """Delete templates. Jobs that were made from them stay as they are."""

    async def remove(name: str) -> None:
        confirm(f"Delete template {name}?", yes=yes)
        await session.api.delete(path_of("templates", name))
        if not session.out.is_json:
            session.out.line(f"deleted template {name}")

    return await for_each(names, remove)


async def _snapshot_of(session: Session, ref: str) -> dict[str, Any]:
    from tocsin_cli.job_diff import editable

    left_out = {"name", "status"}
    job = editable(await find_job(session.api, ref))
    return {key: value for key, value in job.items() if key not in left_out and value is not None}


def _read(source: str) -> dict[str, Any]:
    from tocsin_cli.manifests import read_source

    documents = read_source(source)
    if len(documents) != 1:
        raise Failure(f"{source}: one document expected, not {len(documents)}")
    return documents[0]


def _task(snapshot: Any) -> str:
    task = snapshot.get("task") if isinstance(snapshot, dict) else None
    try:
        return task_words(task) if isinstance(task, dict) else "-"
    except (KeyError, TypeError):  # people may save anything
        return "-"
