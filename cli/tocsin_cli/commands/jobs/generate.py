"""`tocsin jobs generate`."""

from typing import Any

import click

from tocsin_cli.command import Command, connected
from tocsin_cli.session import Session

#: The controller asks twice, each time for as long as 30 seconds.
_LONGEST_SECS = 75.0


@click.command(
    "generate",
    cls=Command,
    examples=[
        "tocsin jobs generate 'back up postgres every night at 3 with a timeout of one hour' > job.yaml",
        "tocsin jobs generate 'fetch https://example.com/health every minute' -o json",
    ],
)
@click.argument("description")
@connected
async def generate(session: Session, description: str) -> None:
    """Write a job from a description, with the AI provider that the controller has.

    It is printed as `jobs create -f` takes it, to be read and changed first; it is not created.
    """
    answer: dict[str, Any] = await session.api.post(
        "/api/ai/generate-job", {"prompt": description}, timeout_secs=_LONGEST_SECS
    )
    if session.out.is_json:
        session.out.json(answer["job"])
    else:
        from tocsin_cli.manifests import write_document

        click.echo(write_document(answer["job"]), nl=False)
