"""`tocsin scripts`."""

import re
from pathlib import Path
from typing import Any, BinaryIO, Final

import click

from tocsin_cli.client import path_of
from tocsin_cli.command import Group, connected
from tocsin_cli.completing import complete_script
from tocsin_cli.confirming import confirm, yes_option
from tocsin_cli.failures import Failure
from tocsin_cli.lookup import for_each
from tocsin_cli.output.table import Column, Table
from tocsin_cli.output.times import local_time
from tocsin_cli.session import Session

Json = dict[str, Any]

_COLUMNS = (
    Column("Name", is_kept=True),
    Column("Type"),
    Column("Bytes"),
    Column("Saved", is_extra=True),
)

_UNSAID: Final = re.compile(r"[^A-Za-z0-9_-]+")
_TYPE = click.option(
    "--type",
    "script_type",
    type=click.Choice(["starlark", "dockerfile"]),
    help="What it is written in; without this a file named like a Dockerfile is one, and all others are Starlark.",
)


@click.group(cls=Group)
def scripts() -> None:
    """Show, check, save and delete scripts, which jobs run by name.

    Starlark for tasks of type `script`, Dockerfiles for those of type `docker_build`.
    """


@scripts.command("ls", examples=["tocsin scripts ls"])
@connected
async def ls(session: Session) -> None:
    """List scripts by name."""
    found: list[Json] = await session.api.get("/api/scripts")
    if session.out.is_json:
        session.out.json(found)
        return
    table = Table(_COLUMNS, when_empty="No scripts. Save one with: tocsin scripts put NAME FILE")
    for one in found:
        table.add(one["name"], one["script_type"], str(one["size"]), local_time(one["modified"]))
    session.out.table(table)


@scripts.command("get", examples=["tocsin scripts get health-check > health-check.star"])
@click.argument("name", shell_complete=complete_script)
@connected
async def get(session: Session, name: str) -> None:
    """Print the code of a script."""
    found: Json = await session.api.get(path_of("scripts", name))
    if session.out.is_json:
        session.out.json(found)
    elif session.out.is_terminal:
        session.out.lines(found["code"].removesuffix("\n"))
    else:
        session.out.raw(found["code"].encode())


@scripts.command(
    "put",
    examples=[
        "tocsin scripts put health-check check.star",
        "tocsin scripts put web Dockerfile --type dockerfile",
    ],
)
@click.argument("name", shell_complete=complete_script)
@click.argument("file", type=click.File("rb"))
@_TYPE
@connected
async def put(session: Session, name: str, file: BinaryIO, script_type: str | None) -> None:
    """Save FILE (- for standard input) as a script, or as the new content of the script of this name."""
    answer = await session.api.put(path_of("scripts", name), _body(file, script_type))
    session.out.answer(answer, f"saved script {name}")


@scripts.command("rm", examples=["tocsin scripts rm old-check --yes"])
@click.argument("names", metavar="NAME...", nargs=-1, required=True, shell_complete=complete_script)
@yes_option
@connected
async def rm(session: Session, names: tuple[str, ...], yes: bool) -> int:
    """Delete scripts. One that a job runs is not deleted."""

    async def remove(name: str) -> None:
        confirm(f"Delete script {name}?", yes=yes)
        await session.api.delete(path_of("scripts", name))
        if not session.out.is_json:
            session.out.line(f"deleted script {name}")

    return await for_each(names, remove)


@scripts.command("check", examples=["tocsin scripts check check.star", "tocsin scripts check Dockerfile"])
@click.argument("file", type=click.File("rb"))
@_TYPE
@connected
async def check(session: Session, file: BinaryIO, script_type: str | None) -> None:
    """Have the controller read FILE as it would when it is saved, and save nothing."""
    name = _UNSAID.sub("-", Path(file.name).stem)[:100] or "script"
    answer = await session.api.put(
        path_of("scripts", name), _body(file, script_type), params={"dry_run": "true"}
    )
    session.out.answer(answer, f"{file.name} can be read")


def _body(file: BinaryIO, script_type: str | None) -> Json:
    try:
        code = file.read().decode()
    except UnicodeDecodeError:
        raise Failure(f"{file.name} is not text in UTF-8") from None
    if script_type is None:
        name = Path(file.name).name.lower()
        is_dockerfile = name.startswith("dockerfile") or name.endswith((".dockerfile", "containerfile"))
        script_type = "dockerfile" if is_dockerfile else "starlark"
    return {"code": code, "script_type": script_type}
