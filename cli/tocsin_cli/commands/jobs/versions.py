"""`tocsin jobs versions`."""

from typing import Any

import click

from tocsin_cli.client import path_of
from tocsin_cli.command import Command, connected
from tocsin_cli.completing import complete_job
from tocsin_cli.lookup import find_job
from tocsin_cli.output.table import Column, Table
from tocsin_cli.output.times import time_and_age
from tocsin_cli.session import Session

_COLUMNS = (Column("Version", is_number=True), Column("When"), Column("By"), Column("Changed"))


@click.command("versions", cls=Command, examples=["tocsin jobs versions nightly-backup"])
@click.argument("job", shell_complete=complete_job)
@connected
async def versions(session: Session, job: str) -> None:
    """List the saved changes of a job, newest first."""
    found = await find_job(session.api, job)
    rows: list[dict[str, Any]] = await session.api.get(path_of("jobs", found["id"], "versions"))
    if session.out.is_json:
        session.out.json(rows)
        return
    table = Table(_COLUMNS)
    for row, older in zip(rows, [*rows[1:], None], strict=True):
        table.add(
            str(row["version"]),
            time_and_age(row["created_at"]),
            row.get("changed_by") or "-",
            _changed(row, older),
        )
    session.out.table(table)


def _changed(row: dict[str, Any], older: dict[str, Any] | None) -> str:
    """The keys that differ from the version before."""
    if older is None:
        return "created" if row["version"] == 1 else "-"
    now, before = row["snapshot"], older["snapshot"]
    housekeeping = {"version", "updated_at"}
    keys = [
        key
        for key in now.keys() | before.keys()
        if now.get(key) != before.get(key) and key not in housekeeping
    ]
    return ", ".join(sorted(keys)) or "-"
