"""`tocsin import`."""

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from tocsin_cli.applying import EXIT_WITH_CHANGES, carry_out, request
from tocsin_cli.command import Group, connected
from tocsin_cli.commands.data import told_counts
from tocsin_cli.confirming import confirm, yes_option
from tocsin_cli.exit_codes import ExitCode
from tocsin_cli.failures import Failure
from tocsin_cli.importing.converted import Converted
from tocsin_cli.session import Session
from tocsin_cli.targets import FORMS, parse_target

F = TypeVar("F", bound=Callable[..., Any])

_ZONES: Final = "/usr/share/zoneinfo/"
#: Crontabs with a user's name in each line.
_OF_SYSTEM: Final = ("/etc/crontab", "/etc/cron.d")


@click.group("import", cls=Group)
def importing() -> None:
    """Take over jobs of other schedulers. Doing it again changes only what has changed since."""


def _usual_options(command: F) -> F:
    for option in reversed(
        (
            click.option(
                "--target",
                metavar="TARGET",
                help=f"Where the jobs run: {FORMS}. The agent that is named like this host by default.",
            ),
            click.option(
                "--timezone",
                metavar="ZONE",
                help="Whose wall clock they follow; that of this host by default.",
            ),
            click.option("--group", metavar="GROUP", help="Put the jobs into this group."),
            click.option("--dry-run", is_flag=True, help="Only show what would change; exits with 2 then."),
            yes_option,
        )
    ):
        command = option(command)
    return command


@importing.command(
    "crontab",
    examples=[
        "tocsin import crontab /etc/crontab /etc/cron.d --dry-run",
        "crontab -l | tocsin import crontab - --user www-data",
    ],
)
@click.argument("paths", metavar="FILE...", nargs=-1, required=True)
@click.option("--user", metavar="NAME", help="Run the jobs of a user's crontab as this account.")
@click.option(
    "--system/--no-system",
    "is_of_system",
    default=None,
    help="Whether lines name their user; by default those of /etc/crontab and /etc/cron.d do.",
)
@_usual_options
@connected
async def crontab(
    session: Session, /, paths: tuple[str, ...], user: str | None, is_of_system: bool | None, **usual: Any
) -> int:
    """Take over crontabs: files, folders of them, or `-` for standard input."""
    from tocsin_cli.importing.crontab import CrontabOptions, read_crontab

    target, zone = _target(usual["target"]), usual["timezone"] or _local_zone()
    found = Converted()
    for file in _files(paths):
        is_system = _is_of_system(file) if is_of_system is None else is_of_system
        options = CrontabOptions(is_system, None if is_system else user, target, zone)
        found.take(read_crontab(_read(file), file, options))
    return await _carry_out(session, found, "crontab", usual)


@importing.command("systemd", examples=["tocsin import systemd /etc/systemd/system/backup.timer --dry-run"])
@click.argument("timers", metavar="TIMER...", nargs=-1, required=True)
@_usual_options
@connected
async def systemd(session: Session, /, timers: tuple[str, ...], **usual: Any) -> int:
    """Take over timer units; the service of each stands beside it, or where its `Unit=` says."""
    from tocsin_cli.importing.systemd import read_timer
    from tocsin_cli.importing.unit_files import read_unit

    target, zone = _target(usual["target"]), usual["timezone"] or _local_zone()
    found = Converted()
    for file in timers:
        name = Path(file).name.removesuffix(".timer")
        timer = read_unit(_with_drop_ins(file), file)
        service_file = str(Path(file).with_name(timer.last("Timer", "Unit") or f"{name}.service"))
        service = read_unit(_with_drop_ins(service_file), service_file)
        found.take(read_timer(name, timer, service, target=target, timezone=zone))
    return await _carry_out(session, found, "systemd", usual)


@importing.command(
    "dkron",
    examples=[
        "tocsin import dkron jobs.json --dry-run",
        "tocsin import dkron --from http://dkron:8080 --timezone Europe/Berlin",
    ],
)
@click.argument("file", required=False)
@click.option("--from", "server", metavar="URL", help="Ask a server that runs, instead of reading a file.")
@click.option(
    "--ask-token", is_flag=True, help="Ask for the token of that server; it may also be in $DKRON_TOKEN."
)
@click.option("--target", metavar="TARGET", help=f"Where all jobs run, whatever their tags say: {FORMS}.")
@click.option("--timezone", metavar="ZONE", help="The clock of Dkron's server; that of this host by default.")
@click.option("--group", metavar="GROUP", help="Put the jobs into this group.")
@click.option("--dry-run", is_flag=True, help="Only show what would change; exits with 2 then.")
@yes_option
@connected
async def dkron(
    session: Session, /, file: str | None, server: str | None, ask_token: bool, **usual: Any
) -> int:
    """Take over the jobs of Dkron: what `GET /v1/jobs` gave, or a server that runs."""
    from datetime import UTC, datetime

    from tocsin_cli.importing.dkron import DkronOptions, read_jobs
    from tocsin_cli.importing.fetching import fetch_json

    if (file is None) == (server is None):
        raise click.UsageError("give either a file or --from")
    if server is not None:
        token = (
            click.prompt("Token", hide_input=True, err=True) if ask_token else os.environ.get("DKRON_TOKEN")
        )
        where = f"{server.rstrip('/').removesuffix('/v1')}/v1/jobs"
        jobs = await fetch_json(where, token)
    else:
        where = str(file)
        jobs = _json(where)
    target = _target(usual["target"]) if usual["target"] else None
    options = DkronOptions(target, usual["timezone"] or _local_zone(), datetime.now(UTC))
    return await _carry_out(session, read_jobs(jobs, where, options), "dkron", usual)


@importing.command("kronforce", examples=["tocsin import kronforce export.json --dry-run"])
@click.argument("file")
@click.option("--dry-run", is_flag=True, help="Only show what would be new; exits with 2 then.")
@yes_option
@connected
async def kronforce(session: Session, /, file: str, dry_run: bool, yes: bool) -> int:
    """Take over what `GET /api/data/export` of Kronforce gave. Needs an admin's key."""
    from tocsin_cli.importing.kronforce import read_export
    from tocsin_cli.importing.taking_in import TIMEOUT_SECS, rehearse

    found = read_export(_json(file), file)
    settings: dict[str, str] = await session.api.get("/api/settings")
    wanted = found.document["settings"]
    found.document["settings"] = {key: text for key, text in wanted.items() if settings.get(key) != text}
    path, rehearsal = "/api/data/import", {"dry_run": "true"}
    for where, note in found.notes:
        session.out.note(f"{where}: {note}")
    plan = await rehearse(session, path, found.document, rehearsal)
    has_changes = any(plan["imported"].values())
    if has_changes and not dry_run:
        if not session.out.is_json:
            session.out.line(f"would import {told_counts(plan['imported'])}")
        confirm("Do this?", yes=yes)
        plan = await session.api.post(path, found.document, timeout_secs=TIMEOUT_SECS)
    if session.out.is_json:
        session.out.json(plan)
    else:
        verb = "would import" if plan["dry_run"] else "imported"
        skipped = told_counts(plan["skipped"])
        session.out.line(f"{verb} {told_counts(plan['imported'])}; there already: {skipped}")
    return EXIT_WITH_CHANGES if has_changes and dry_run else ExitCode.OK


@importing.command("rundeck", examples=["tocsin import rundeck jobs.yaml jobs.xml --dry-run"])
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@_usual_options
@connected
async def rundeck(session: Session, /, files: tuple[str, ...], **usual: Any) -> int:
    """Take over job definitions of Rundeck, in YAML, JSON or XML.

    Jobs with node filters run where these say, unless there is a --target.
    """
    from tocsin_cli.importing.rundeck import RundeckOptions, read_jobs
    from tocsin_cli.importing.rundeck_files import read_definitions

    target, zone = _target(usual["target"]), usual["timezone"] or _local_zone()
    options = RundeckOptions(target if usual["target"] else None, target, zone)
    jobs = [job for file in files for job in read_definitions(_read(file), file)]
    return await _carry_out(session, read_jobs(jobs, options), "rundeck", usual)


@importing.command("cronicle", examples=["tocsin import cronicle cronicle-data-backup.txt --dry-run"])
@click.argument("file")
@click.option("--target", metavar="TARGET", help=f"Where all jobs run, whatever their events say: {FORMS}.")
@click.option(
    "--timezone", metavar="ZONE", help="The clock of Cronicle's server; that of this host by default."
)
@click.option("--group", metavar="GROUP", help="Put the jobs into this group.")
@click.option("--dry-run", is_flag=True, help="Only show what would change; exits with 2 then.")
@yes_option
@connected
async def cronicle(session: Session, /, file: str, **usual: Any) -> int:
    """Take over the events of a Cronicle export (`control.sh export`)."""
    from tocsin_cli.importing.cronicle import CronicleOptions, read_events
    from tocsin_cli.importing.cronicle_files import read_backup

    target = _target(usual["target"]) if usual["target"] else None
    options = CronicleOptions(target, usual["timezone"] or _local_zone())
    return await _carry_out(
        session, read_events(read_backup(_read(file), file), file, options), "cronicle", usual
    )


@importing.command(
    "jenkins",
    examples=["tocsin import jenkins jobs/*/config.xml --dry-run", "tocsin import jenkins app/Jenkinsfile"],
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@_usual_options
@connected
async def jenkins(session: Session, /, files: tuple[str, ...], **usual: Any) -> int:
    """Take over `config.xml` of freestyle jobs and declarative Jenkinsfiles; jobs are called like the file's folder."""
    from tocsin_cli.importing.converted import name_from
    from tocsin_cli.importing.jenkins import JenkinsOptions, is_xml, read_config
    from tocsin_cli.importing.jenkins_pipelines import read_jenkinsfile
    from tocsin_cli.importing.rundeck_files import parse_xml

    options = JenkinsOptions(_target(usual["target"]), usual["timezone"] or _local_zone())
    found = Converted()
    for file in files:
        text, name = _read(file), name_from(_folder(file) or "jenkins")
        if is_xml(text):
            found.take(read_config(parse_xml(text, file), name, options))
        else:
            found.take(read_jenkinsfile(text, name, options))
    return await _carry_out(session, found, "jenkins", usual)


async def _carry_out(session: Session, found: Converted, system: str, usual: dict[str, Any]) -> int:
    """Tell what differs, then apply the documents, which are kept by the importer of that system."""
    from tocsin_cli.documents import Documents, Source
    from tocsin_cli.importing.taking_in import rehearse

    for where, note in found.notes:
        session.out.note(f"{where}: {note}")
    if not found.documents:
        raise Failure("there is nothing to import")
    bodies = [{**one, **({"group": usual["group"]} if usual["group"] else {})} for one in found.documents]
    body: dict[str, Any] = {"documents": bodies, "managed_by": f"import-{system}", "dry_run": True}
    await rehearse(session, "/api/jobs/apply", body)
    bodies = body["documents"]
    documents = Documents(bodies, [Source(one["name"], None) for one in bodies])
    body = request(documents, managed_by=f"import-{system}", prune=False, group=None)
    return await carry_out(session, documents, body, is_plan=usual["dry_run"], yes=usual["yes"])


def _files(paths: tuple[str, ...]) -> list[str]:
    """Files of folders as run-parts and cron take them: no hidden ones, none that a package left."""
    found: list[str] = []
    for path in paths:
        if path != "-" and Path(path).is_dir():
            found += sorted(
                str(file) for file in Path(path).iterdir() if file.is_file() and "." not in file.name
            )
        else:
            found.append(path)
    return found


def _read(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"cannot read {file}: {error}") from None


def _with_drop_ins(file: str) -> str:
    """A unit, and what the files in the folder beside it add."""
    return "\n".join(_read(one) for one in (file, *sorted(map(str, Path(f"{file}.d").glob("*.conf")))))


def _folder(file: str) -> str:
    return Path(file).absolute().parent.name


def _json(file: str) -> Any:
    import orjson

    try:
        return orjson.loads(_read(file))
    except ValueError as error:
        raise Failure(f"{file} is not JSON: {error}") from None


def _is_of_system(file: str) -> bool:
    path = str(Path(file).absolute())
    return path == _OF_SYSTEM[0] or path.startswith(f"{_OF_SYSTEM[1]}/")


def _target(text: str | None) -> dict[str, Any]:
    try:
        return parse_target(text or f"agent:{socket.gethostname()}")
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _local_zone() -> str:
    """The zone of this host, by its name; UTC when it has none."""
    real = str(Path("/etc/localtime").resolve())
    return real.removeprefix(_ZONES) if real.startswith(_ZONES) else "UTC"
