"""`tocsin health`."""

from typing import Any

import click

from tocsin_cli.command import Command, connected
from tocsin_cli.durations import format_bytes
from tocsin_cli.exit_codes import ExitCode
from tocsin_cli.output.table import Cell, status
from tocsin_cli.session import Session


@click.command("health", cls=Command, examples=["tocsin health", "tocsin health -o json || alert"])
@connected
async def health(session: Session) -> int:
    """Ask the controller whether it and its database are well; exits with 1 when they are not."""
    found: dict[str, Any] = await session.api.get("/api/health")
    if session.out.is_json:
        session.out.json(found)
    else:
        session.out.fields(_fields(session.api.url, found))
    return ExitCode.OK if found["status"] == "ok" else ExitCode.FAILURE


def _fields(url: str, found: dict[str, Any]) -> list[tuple[str, Cell]]:
    fields: list[tuple[str, Cell]] = [("Controller", url), ("Status", status(found["status"]))]
    if found.get("version"):
        fields.append(("Version", found["version"]))
    for key, value in (found.get("db") or {}).items():
        label = f"Database {key.replace('_', ' ')}"
        fields.append((label, format_bytes(value) if key.endswith("_bytes") else str(value).lower()))
    return fields
