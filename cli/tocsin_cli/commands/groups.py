"""`tocsin groups`."""

import click

from tocsin_cli.client import path_of
from tocsin_cli.command import Group, connected
from tocsin_cli.completing import complete_job
from tocsin_cli.confirming import confirm, yes_option
from tocsin_cli.lookup import find_job, for_each
from tocsin_cli.session import Session


@click.group(cls=Group)
def groups() -> None:
    """Show, make, rename and delete groups of jobs, and move jobs between them."""


@groups.command("ls", examples=["tocsin groups ls"])
@connected
async def ls(session: Session) -> None:
    """List the groups, empty ones too."""
    found: list[str] = await session.api.get("/api/jobs/groups")
    if session.out.is_json:
        session.out.json(found)
        return
    for name in found:
        session.out.line(name)


@groups.command("create", examples=["tocsin groups create ETL"])
@click.argument("names", metavar="GROUP...", nargs=-1, required=True)
@connected
async def create(session: Session, names: tuple[str, ...]) -> int:
    """Make groups. They stay when no job is in them."""

    async def create_one(name: str) -> None:
        made = await session.api.post("/api/jobs/groups", {"name": name})
        session.out.answer(made, f"created {made['name']}")

    return await for_each(names, create_one)


@groups.command("rename", examples=["tocsin groups rename etl ETL"])
@click.argument("old")
@click.argument("new")
@connected
async def rename(session: Session, old: str, new: str) -> None:
    """Rename a group. When NEW exists the two become one."""
    answer = await session.api.put("/api/jobs/rename-group", {"old_name": old, "new_name": new})
    session.out.answer(answer, f"renamed {old} to {new}: {answer['updated']} jobs")


@groups.command("move", examples=["tocsin groups move ETL extract load"])
@click.argument("group")
@click.argument("jobs", metavar="JOB...", nargs=-1, required=True, shell_complete=complete_job)
@connected
async def move(session: Session, group: str, jobs: tuple[str, ...]) -> None:
    """Put jobs into a group, which need not exist yet."""
    ids = [(await find_job(session.api, ref))["id"] for ref in jobs]
    answer = await session.api.put("/api/jobs/bulk-group", {"job_ids": ids, "group": group})
    session.out.answer(answer, f"moved {answer['updated']} jobs to {group}")


@groups.command("rm", examples=["tocsin groups rm old-stuff --yes"])
@click.argument("names", metavar="GROUP...", nargs=-1, required=True)
@yes_option
@connected
async def rm(session: Session, names: tuple[str, ...], yes: bool) -> int:
    """Delete groups. Their jobs stay, in the group Default."""

    async def remove_one(name: str) -> None:
        confirm(f"Delete group {name}? Its jobs go to Default.", yes=yes)
        await session.api.delete(path_of("jobs", "groups", name))
        if not session.out.is_json:
            session.out.line(f"deleted {name}")

    return await for_each(names, remove_one)
