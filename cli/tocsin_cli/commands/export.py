"""`tocsin export`."""

from pathlib import Path
from typing import Any

import click

from tocsin_cli.command import Command, connected
from tocsin_cli.completing import complete_group, complete_job
from tocsin_cli.failures import Missing
from tocsin_cli.session import Session

Json = dict[str, Any]


@click.command(
    "export",
    cls=Command,
    examples=[
        "tocsin export --group Backups > backups.yaml",
        "tocsin export --managed-by ops-repo --dir jobs/",
        "tocsin export nightly-backup -o json",
    ],
)
@click.argument("jobs", metavar="[JOB...]", nargs=-1, shell_complete=complete_job)
@click.option("--group", metavar="GROUP", help="Only this group.", shell_complete=complete_group)
@click.option("--managed-by", metavar="NAME", help="Only jobs that this keeper keeps as code.")
@click.option("-d", "--dir", "folder", metavar="DIR", help="Write a file for each job there.")
@connected
async def export(
    session: Session, jobs: tuple[str, ...], group: str | None, managed_by: str | None, folder: str | None
) -> None:
    """Print jobs as documents that `tocsin apply` takes, or write them to files.

    Defaults are left out, and agents and other jobs are named. Applying what was exported changes nothing.
    """
    found = await _manifests(session, group, managed_by)
    if jobs:
        known = {one["name"] for one in found}
        if unknown := [name for name in jobs if name not in known]:
            raise Missing(f"there is no job {unknown[0]!r} here; name jobs by their whole names", status=404)
        found = [one for one in found if one["name"] in jobs]
    if folder is not None:
        from tocsin_cli.documents import write_all

        try:
            written = write_all([(one["name"], one["document"]) for one in found], Path(folder))
        except OSError as error:
            raise click.UsageError(f"cannot write to {folder}: {error.strerror}") from None
        session.out.note(f"wrote {len(written)} files to {folder}")
    elif session.out.is_json:
        session.out.json([one["document"] for one in found])
    else:
        _print(session, found)


async def _manifests(session: Session, group: str | None, managed_by: str | None) -> list[Json]:
    found: list[Json] = []
    after: str | None = None
    while True:
        params = {"group": group, "managed_by": managed_by, "after": after}
        page: Json = await session.api.get("/api/jobs/manifests", params)
        found += page["data"]
        after = page["next"]
        if after is None:
            return found


def _print(session: Session, found: list[Json]) -> None:
    from tocsin_cli.manifests import write_document

    if not found:
        session.out.note("no job matches")
        return
    text = "---\n".join(write_document(one["document"]) for one in found)
    if session.out.is_terminal:
        session.out.lines(text.removesuffix("\n"))
    else:
        session.out.raw(text.encode())
