"""`tocsin jobs bulk`."""

from typing import Any

import click

from tocsin_cli.command import Command, connected
from tocsin_cli.completing import complete_group, complete_job
from tocsin_cli.confirming import confirm, yes_option
from tocsin_cli.exit_codes import ExitCode
from tocsin_cli.failures import Failure
from tocsin_cli.lookup import find_job
from tocsin_cli.session import Session

Json = dict[str, Any]

_DONE = {
    "pause": "paused",
    "resume": "resumed",
    "trigger": "triggered",
    "delete": "deleted",
    "move": "moved",
    "set_priority": "set the priority of",
}
#: The option that an action needs, and the field that it becomes.
_NEEDED = {"move": ("--to-group", "group"), "set-priority": ("--priority", "priority")}


@click.command(
    "bulk",
    cls=Command,
    examples=[
        "tocsin jobs bulk pause --in-group Backups --note 'moving the storage'",
        "tocsin jobs bulk delete --search tmp- --dry-run",
        "tocsin jobs bulk move a b c --to-group Archive --yes",
        "tocsin jobs bulk set-priority --in-group Backups --priority 5",
    ],
)
@click.argument("action", type=click.Choice([action.replace("_", "-") for action in _DONE]))
@click.argument("jobs", metavar="[JOB...]", nargs=-1, shell_complete=complete_job)
@click.option("--in-group", metavar="GROUP", help="All jobs of this group.", shell_complete=complete_group)
@click.option(
    "--status",
    "job_status",
    type=click.Choice(["scheduled", "paused", "unscheduled"]),
    help="All jobs with this status.",
)
@click.option("--search", metavar="TEXT", help="All jobs with this text in their name or task.")
@click.option("--to-group", metavar="GROUP", help="For move: where to.", shell_complete=complete_group)
@click.option("--priority", type=int, help="For set-priority.")
@click.option("--note", metavar="TEXT", help="For pause: why.")
@click.option("--until", metavar="INSTANT", help="For pause: act again by themselves from then on.")
@click.option("--dry-run", is_flag=True, help="Only say what would happen.")
@yes_option
@connected
async def bulk(
    session: Session,
    action: str,
    jobs: tuple[str, ...],
    in_group: str | None,
    job_status: str | None,
    search: str | None,
    to_group: str | None,
    priority: int | None,
    note: str | None,
    until: str | None,
    dry_run: bool,
    yes: bool,
) -> int:
    """Do the same to many jobs: those named, or all that match the options.

    One that fails keeps no other from being done; the command then ends with 1.
    """
    body: Json = {"action": action.replace("-", "_"), "dry_run": dry_run}
    values = {"group": to_group, "priority": priority, "note": note, "until": until}
    option, field = _NEEDED.get(action, ("", ""))
    if field and values[field] is None:
        raise click.UsageError(f"{action} needs {option}")
    body |= {key: value for key, value in values.items() if value is not None}
    only = {"group": in_group, "status": job_status, "search": search}
    only = {key: value for key, value in only.items() if value is not None}
    if bool(jobs) == bool(only):
        raise click.UsageError("say which jobs: either JOB..., or --in-group, --status, --search")
    which: Json = (
        {"job_ids": [(await find_job(session.api, ref))["id"] for ref in jobs]} if jobs else {"filter": only}
    )
    if not dry_run and not yes:
        coming = await _ask(session, {**body, **which, "dry_run": True})
        if not coming["results"]:
            raise Failure("no job matches")
        confirm(f"{action} {_names(coming['results'])}?", yes=False)
        which = {"job_ids": [one["job_id"] for one in coming["results"]]}
    answer = await _ask(session, {**body, **which})
    _print(session, answer)
    return ExitCode.FAILURE if answer["failed"] else ExitCode.OK


async def _ask(session: Session, body: Json) -> Json:
    answer: Json = await session.api.post("/api/jobs/bulk", body, once=True, timeout_secs=300)
    return answer


def _print(session: Session, answer: Json) -> None:
    if session.out.is_json:
        session.out.json(answer)
        return
    if not answer["results"]:
        session.out.note("no job matches")
    would = "would have " if answer["dry_run"] else ""
    for one in answer["results"]:
        name = one["name"] or one["job_id"]
        if one["ok"]:
            run = f" ({one['run_id']})" if one["run_id"] else ""
            session.out.line(f"{would}{_DONE[answer['action']]} {name}{run}")
        else:
            session.out.note(f"Error: {name}: {one['error']}")


def _names(results: list[Json]) -> str:
    names = [str(one["name"] or one["job_id"]) for one in results]
    if len(names) <= 5:
        return ", ".join(names)
    return f"{', '.join(names[:4])} and {len(names) - 4} more jobs"
