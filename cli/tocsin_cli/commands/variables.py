"""`tocsin variables`."""

import sys
from pathlib import Path
from typing import Any

import click

from tocsin_cli.client import path_of
from tocsin_cli.command import Group, connected
from tocsin_cli.confirming import confirm, yes_option
from tocsin_cli.failures import Failure, Missing
from tocsin_cli.lookup import for_each
from tocsin_cli.output.table import Column, Table, status
from tocsin_cli.output.times import local_time, parse_instant, utc_now
from tocsin_cli.paging import rows_by_name
from tocsin_cli.session import Session

Json = dict[str, Any]

_SHOWN_CHARS = 60

_COLUMNS = (
    Column("Name", is_kept=True),
    Column("Value"),
    Column("Status"),
    Column("Expires", is_extra=True),
    Column("Changed", is_extra=True),
)


@click.group(cls=Group)
def variables() -> None:
    """Show and change variables, which tasks use as {{NAME}}."""


@variables.command("ls", examples=["tocsin variables ls", "tocsin variables ls --search db -o json"])
@click.option("--search", metavar="TEXT", help="Only names that hold this, in any case of letters.")
@connected
async def ls(session: Session, search: str | None) -> None:
    """List variables by name. Secret values are not shown to anybody."""
    found = await rows_by_name(session.api, "/api/variables", {"search": search})
    if session.out.is_json:
        session.out.json(found)
        return
    table = Table(_COLUMNS, when_empty="No variables.")
    for one in found:
        table.add(
            one["name"],
            _short(one["value"]),
            _status(one),
            local_time(one.get("expires_at")),
            local_time(one["updated_at"]),
        )
    session.out.table(table)


@variables.command("get", examples=["tocsin variables get API_HOST"])
@click.argument("name")
@connected
async def get(session: Session, name: str) -> None:
    """Print the value of a variable; of a secret only a mask."""
    found: Json = await session.api.get(path_of("variables", name))
    session.out.answer(found, found["value"])


@variables.command(
    "set",
    examples=[
        "tocsin variables set API_HOST https://api.example.com",
        "tocsin variables set DB_PASSWORD --secret",
        "pass show db | tocsin variables set DB_PASSWORD --secret",
        "tocsin variables set TLS_KEY --secret --from-file key.pem",
    ],
)
@click.argument("name")
@click.argument("value", required=False)
@click.option(
    "--from-file", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="Take it from there."
)
@click.option("--secret/--no-secret", default=None, help="Keep it encrypted and show it to nobody.")
@click.option(
    "--expires", metavar="INSTANT", help="Valid until then, such as 2027-01-01T00:00:00Z; `never` clears it."
)
@connected
async def set_(
    session: Session,
    name: str,
    value: str | None,
    from_file: Path | None,
    secret: bool | None,
    expires: str | None,
) -> None:
    """Create a variable, or change it.

    Without VALUE it is read from standard input, or asked for without showing what is typed. Values on the command
    line can be seen by everybody who can list processes: give secrets in another way. One line break at the end of
    what is read is left out.
    """
    if value is not None and from_file is not None:
        raise click.UsageError("VALUE and --from-file exclude each other")
    if value is not None and secret:
        session.out.note(
            "warning: a secret on the command line can be seen by everybody who can list processes"
        )
    body: Json = {"value": _read(name, value, from_file)}
    if secret is not None:
        body["secret"] = secret
    if expires is not None:
        body["expires_at"] = None if expires == "never" else expires
    saved, verb = await _save(session, name, body)
    session.out.answer(saved, f"{verb} {name}")


@variables.command("rm", examples=["tocsin variables rm OLD_HOST", "tocsin variables rm A B --yes"])
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@yes_option
@connected
async def rm(session: Session, names: tuple[str, ...], yes: bool) -> int:
    """Delete variables. Jobs that use them fail from then on, with the reason unresolved_variable."""

    async def remove(name: str) -> None:
        confirm(f"Delete variable {name}?", yes=yes)
        await session.api.delete(path_of("variables", name))
        if not session.out.is_json:
            session.out.line(f"removed {name}")

    return await for_each(names, remove)


async def _save(session: Session, name: str, body: Json) -> tuple[Json, str]:
    try:
        return await session.api.put(path_of("variables", name), body), "changed"
    except Missing:
        return await session.api.post("/api/variables", {"name": name, **body}), "created"


def _read(name: str, value: str | None, from_file: Path | None) -> str:
    if value is not None and value != "-":
        return value
    if from_file is None and sys.stdin.isatty():
        typed: str = click.prompt(f"Value of {name}", hide_input=True, err=True, confirmation_prompt=True)
        return typed
    try:
        raw = from_file.read_bytes() if from_file is not None else sys.stdin.buffer.read()
        text = raw.decode()
    except OSError as error:
        raise Failure(f"{from_file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Failure("the value is not text in UTF-8; encode it first (base64, say)") from None
    return text.removesuffix("\n").removesuffix("\r")


def _short(value: str) -> str:
    line = value.replace("\n", "\\n")
    return line if len(line) <= _SHOWN_CHARS else line[: _SHOWN_CHARS - 1] + "\u2026"


def _status(one: Json) -> Any:
    if one.get("expires_at") and parse_instant(one["expires_at"]) <= utc_now():
        return status("error", "expired")
    return status("ok", "secret" if one["secret"] else "plain")
