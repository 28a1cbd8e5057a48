"""`tocsin apply` and `tocsin diff`."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from tocsin_cli.applying import ask, carry_out, request, told
from tocsin_cli.command import Command, connected
from tocsin_cli.completing import complete_group
from tocsin_cli.confirming import yes_option
from tocsin_cli.session import Session

F = TypeVar("F", bound=Callable[..., Any])


def _document_options(command: F) -> F:
    """Which documents, and where jobs without one are deleted."""
    for option in reversed(
        (
            click.option(
                "-f",
                "--file",
                "paths",
                metavar="PATH",
                multiple=True,
                required=True,
                help="YAML or JSON file, or a folder of such files; - is standard input. May be given again.",
            ),
            click.option("--managed-by", metavar="NAME", help="Who keeps these jobs; put into each of them."),
            click.option(
                "--prune",
                is_flag=True,
                help="Delete jobs without a document: of the group of --group, or kept by --managed-by.",
            ),
            click.option(
                "--group", metavar="GROUP", help="Where --prune deletes.", shell_complete=complete_group
            ),
        )
    ):
        command = option(command)
    return command


@click.command(
    "apply",
    cls=Command,
    examples=[
        "tocsin apply -f jobs/",
        "tocsin apply -f jobs/ --managed-by ops-repo --prune --yes",
        "tocsin apply -f jobs/ --plan; test $? -ne 2 || echo 'there are changes'",
    ],
)
@_document_options
@click.option(
    "--plan", "--dry-run", "is_plan", is_flag=True, help="Only show what would change; exits with 2 then."
)
@yes_option
@connected
async def apply(
    session: Session,
    paths: tuple[str, ...],
    managed_by: str | None,
    prune: bool,
    group: str | None,
    is_plan: bool,
    yes: bool,
) -> int:
    """Make jobs be as files say: show the plan, ask, then do all of it or nothing.

    A job is found by its name. What its document does not say has its default; only its status stays as it is.
    """
    from tocsin_cli.documents import read_all

    documents = read_all(paths)
    body = request(documents, managed_by=managed_by, prune=prune, group=group)
    return await carry_out(session, documents, body, is_plan=is_plan, yes=yes)


@click.command(
    "diff", cls=Command, examples=["tocsin diff -f jobs/", "tocsin diff -f jobs/ --managed-by ops --prune"]
)
@_document_options
@connected
async def diff(
    session: Session, paths: tuple[str, ...], managed_by: str | None, prune: bool, group: str | None
) -> int:
    """Show how jobs differ from what files say; exits with 2 when they do.

    With --prune also jobs that no file knows.
    """
    from tocsin_cli.documents import read_all

    documents = read_all(paths)
    body = request(documents, managed_by=managed_by, prune=prune, group=group)
    return told(session, await ask(session, {**body, "dry_run": True}, documents))
