"""`tocsin jobs webhook`."""

import click

from tocsin_cli.client import path_of
from tocsin_cli.command import Command, connected
from tocsin_cli.completing import complete_job
from tocsin_cli.lookup import find_job
from tocsin_cli.session import Session


@click.command(
    "webhook",
    cls=Command,
    examples=[
        "tocsin jobs webhook deploy",
        'curl -X POST "$(tocsin jobs webhook deploy)" -d \'{"params": {"version": "1.4.2"}}\'',
        "tocsin jobs webhook deploy --rm",
    ],
)
@click.argument("job", shell_complete=complete_job)
@click.option("--rm", "is_removed", is_flag=True, help="Remove it: the address stops working.")
@click.option(
    "--secret", "is_signed", is_flag=True, help="Calls must be signed; the secret is printed below."
)
@connected
async def webhook(session: Session, job: str, is_removed: bool, is_signed: bool) -> None:
    """Make an address that runs a job without a key, and print it.

    It is shown this once; whoever knows it may run the job, or, with --secret, whoever also signs the call. Making
    another one ends the one before.
    """
    if is_removed and is_signed:
        raise click.UsageError("--rm and --secret exclude each other")
    found = await find_job(session.api, job)
    path = path_of("jobs", found["id"], "webhook")
    if is_removed:
        await session.api.delete(path)
        if not session.out.is_json:
            session.out.line(f"removed the webhook of {found['name']}")
        return
    made = await session.api.post(path, {"secret": True} if is_signed else None)
    if session.out.is_json:
        session.out.json(made)
        return
    session.out.note(f"this is the only time it is shown; whoever knows it may run {found['name']}:")
    session.out.line(session.api.url + made["webhook_url"])
    if "secret" in made:
        session.out.line(made["secret"])
