"""`tocsin jobs create`."""

from typing import Any

import click

from tocsin_cli.command import Command, connected
from tocsin_cli.completing import complete_group, complete_target, complete_template, complete_timezone
from tocsin_cli.durations import parse_duration
from tocsin_cli.exit_codes import ExitCode
from tocsin_cli.failures import Failure, Unreachable
from tocsin_cli.job_quick import quick_job
from tocsin_cli.lookup import resolve_target
from tocsin_cli.output.times import time_and_age
from tocsin_cli.session import Session
from tocsin_cli.targets import FORMS


@click.command(
    "create",
    cls=Command,
    examples=[
        "tocsin jobs create -f jobs.yaml",
        "generate-jobs | tocsin jobs create -f -",
        "tocsin jobs create hello --command 'echo hello' --cron '0 30 8 * * 1-5' --timezone Europe/Berlin",
        "tocsin jobs create shop-health --template 'HTTP Health Check' --every 1m",
        "tocsin jobs create sync --command ./sync.sh --every 5m --target tag:web",
    ],
)
@click.argument("name", required=False)
@click.option(
    "-f",
    "--file",
    "source",
    metavar="FILE",
    help="YAML or JSON, also several documents; - is standard input.",
)
@click.option("--command", "shell_command", metavar="LINE", help="Shell command line to run.")
@click.option(
    "--template",
    metavar="NAME",
    help="Start from a template; the other options replace what it says.",
    shell_complete=complete_template,
)
@click.option("--cron", metavar="EXPR", help="`sec min hour dom month dow`, without the seconds, or a macro.")
@click.option("--every", metavar="SECS", help="Distance between runs: seconds, or 5m, 1h30m, 2d.")
@click.option(
    "--gap", metavar="SECS", help="Time from the end of one run to the start of the next: seconds, or 5m."
)
@click.option("--at", metavar="INSTANT", help="Once, such as 2026-03-01T08:00:00+01:00.")
@click.option(
    "--timezone", metavar="NAME", help="IANA name; UTC by default.", shell_complete=complete_timezone
)
@click.option(
    "--target", metavar="TARGET", help=f"Where: {FORMS}; local by default.", shell_complete=complete_target
)
@click.option("--group", help="Group to put the job in.", shell_complete=complete_group)
@click.option("--timeout", metavar="SECS", help="End it after so long: seconds, or 5m, 1h30m.")
@click.option("--run-as", metavar="USER", help="Account on the host.")
@connected
async def create(
    session: Session,
    /,
    name: str | None,
    source: str | None,
    shell_command: str | None,
    **options: str | None,
) -> int:
    """Create jobs from a file, or one from options."""
    if source is not None:
        given = [
            option for option, value in {"NAME": name, "--command": shell_command, **options}.items() if value
        ]
        if given:
            raise click.UsageError("-f takes everything from the file; leave out NAME and the other options")
        from tocsin_cli.manifests import read_source

        documents = read_source(source)
    else:
        if name is None or (shell_command is None and options["template"] is None):
            raise click.UsageError("give -f FILE, or NAME and --command or --template")
        documents = [_from_options(name, shell_command, options)]
    return await _create_all(session, documents)


def _from_options(name: str, command: str | None, options: dict[str, str | None]) -> dict[str, Any]:
    try:
        timeout, every, gap = options["timeout"], options["every"], options["gap"]
        return quick_job(
            name,
            command,
            template=options["template"],
            cron=options["cron"],
            every_secs=None if every is None else parse_duration(every),
            gap_secs=None if gap is None else parse_duration(gap),
            at=options["at"],
            timezone=options["timezone"],
            target=options["target"],
            group=options["group"],
            timeout_secs=None if timeout is None else parse_duration(timeout),
            run_as=options["run_as"],
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None


async def _create_all(session: Session, documents: list[dict[str, Any]]) -> int:
    """Each document by itself: one that is refused does not keep the others from being created."""
    code = ExitCode.OK
    for document in documents:
        try:
            await _create_one(session, document)
        except Unreachable:
            raise
        except Failure as failure:
            if len(documents) == 1:
                raise
            session.out.note(f"Error: {document.get('name', '(no name)')}:")
            for line in str(failure).splitlines():
                session.out.note(f"  {line}")
            code = code or failure.exit_code
    return code


async def _create_one(session: Session, document: dict[str, Any]) -> None:
    if isinstance(target := document.get("target"), str):
        try:
            document = {**document, "target": await resolve_target(session.api, target)}
        except ValueError as error:
            raise Failure(str(error)) from None
    job = await session.api.post("/api/jobs", document, once=True)
    if session.out.is_json:
        session.out.json(job)
        return
    next_fire = job.get("next_fire_time")
    when = f"next run {time_and_age(next_fire)}" if next_fire else f"run it with: tocsin run {job['name']!r}"
    session.out.line(f"created {job['name']} ({job['id']}); {when}")
