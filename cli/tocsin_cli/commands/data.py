"""`tocsin data`."""

from pathlib import Path
from typing import Any, BinaryIO

import click

from tocsin_cli.command import Group, connected
from tocsin_cli.confirming import confirm, yes_option
from tocsin_cli.failures import Failure
from tocsin_cli.session import Session

Json = dict[str, Any]


@click.group(cls=Group)
def data() -> None:
    """Take everything that people made out of an installation, and into another. Needs an admin's key."""


@data.command(
    "export",
    examples=["tocsin data export > tocsin.json", "tocsin data export --file tocsin.json --include-secrets"],
)
@click.option(
    "--file", type=click.Path(dir_okay=False, path_type=Path), help="Write here, readable by nobody else."
)
@click.option("--include-secrets", is_flag=True, help="Secrets readable instead of masked.")
@connected
async def export(session: Session, file: Path | None, include_secrets: bool) -> None:
    """Print jobs, variables, scripts, templates, agents, groups and settings as one JSON document."""
    found: Json = await session.api.get(
        "/api/data/export", {"include_secrets": "true" if include_secrets else None}
    )
    if file is None:
        session.out.json(found)
        return
    _write_privately(file, found)
    session.out.note(f"wrote {len(found['jobs'])} jobs and {len(found['variables'])} variables to {file}")


@data.command(
    "import",
    examples=["tocsin data import tocsin.json --dry-run", "tocsin data import tocsin.json"],
)
@click.argument("file", type=click.File("rb"))
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@connected
async def import_(session: Session, file: BinaryIO, dry_run: bool) -> None:
    """Take in an export: all of it, or nothing when anything is wrong. What is there already stays as it is."""
    import orjson

    try:
        document = orjson.loads(file.read())
    except ValueError as error:
        raise Failure(f"{file.name} is not JSON: {error}") from None
    params = {"dry_run": "true" if dry_run else None}
    answer: Json = await session.api.post("/api/data/import", document, params=params)
    if session.out.is_json:
        session.out.json(answer)
        return
    verb = "would import" if dry_run else "imported"
    session.out.line(f"{verb} {told_counts(answer['imported'])}; left out {told_counts(answer['skipped'])}")


@data.command("delete", examples=["tocsin data delete --yes"])
@yes_option
@connected
async def delete(session: Session, yes: bool) -> None:
    """Do away with jobs, history, events, variables, scripts and templates.

    Keys, agents, settings and the audit log stay.
    """
    confirm("Delete all jobs with their history, all events, variables, scripts and templates?", yes=yes)
    headers = {"X-Confirm-Delete": "yes-delete-all-data"}
    answer: Json = await session.api.delete("/api/data/delete", headers=headers)
    session.out.answer(answer, f"deleted everything ({answer['jobs_removed']} jobs)")


def told_counts(by_kind: dict[str, int]) -> str:
    """`3 jobs, 1 variables`."""
    return ", ".join(f"{count} {kind}" for kind, count in by_kind.items() if count) or "nothing"


def _write_privately(file: Path, document: Json) -> None:
    import os

    import orjson

    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            os.fchmod(descriptor, 0o600)  # a file that was there may be readable by others
            out.write(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    except OSError as error:
        raise Failure(f"{file} can't be written: {error.strerror}") from None
