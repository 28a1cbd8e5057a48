"""`tocsin-controller epoch`: for after a restore, or a failover that lost data."""

from pathlib import Path
from typing import Any

import click

from tocsin_controller.cli_base import database_options, with_database


@click.group()
def epoch() -> None:
    """The epoch that fences begin with: which of its lives the database is in."""


@epoch.command("show")
@database_options
def epoch_show(config: Path | None, database_url: str | None) -> None:
    """Print the current epoch."""
    from tocsin_controller.store.epoch import read_epoch

    async def run(db: Any) -> None:
        click.echo(str(await read_epoch(db)))

    with_database(config, database_url, run)


@epoch.command("bump")
@database_options
def epoch_bump(config: Path | None, database_url: str | None) -> None:
    """Begin a new epoch: after a failover that lost data, or a restore to an earlier point in time.

    From now on every right to run something is newer than any that the lost part of the database handed out, and
    agents refuse an old primary that comes back. Controllers may go on running; nothing that runs is ended.
    """
    from tocsin_controller.recovery import begin_epoch

    async def run(db: Any) -> None:
        begun = await begin_epoch(db, why="tocsin-controller epoch bump")
        click.echo(f"epoch {begun.epoch} has begun")
        click.echo(f"agents whose state mark was cleared: {begun.unmarked}")
        click.echo("agents take their new marks when they next register; nothing else is to be done")

    with_database(config, database_url, run)
