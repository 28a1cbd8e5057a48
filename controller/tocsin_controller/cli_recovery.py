"""`tocsin-controller backup`, `restore` and `epoch`: for when something was lost, and before that."""

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import click

from tocsin_controller.cli_base import (
    database_options,
    die,
    load_settings,
    run_to_end,
    start_logging,
    with_database,
)


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


_keep_queue = click.option(
    "--keep-queue",
    is_flag=True,
    help="What waits in the queue was certainly not handed out: hand it out. Only when all agents stood still since.",
)


@epoch.command("bump")
@database_options
@_keep_queue
def epoch_bump(config: Path | None, database_url: str | None, keep_queue: bool) -> None:
    """Begin a new epoch: after a failover that lost data, or a restore to an earlier point in time.

    From now on every right to run something is newer than any that the lost part of the database handed out, and
    agents refuse an old primary that comes back. Controllers may go on running; nothing that runs is ended.

    What waits in the queue now may have been handed out by the lost part, so it is not handed out again: agents that
    have it come back with it; what none comes back with is lost (epoch_changed), and on_lost decides.
    """
    from tocsin_controller.recovery import begin_epoch

    async def run(db: Any) -> None:
        begun = await begin_epoch(db, why="tocsin-controller epoch bump", keep_queue=keep_queue)
        click.echo(f"epoch {begun.epoch} has begun")
        click.echo(f"agents whose state mark was cleared: {begun.unmarked}")
        click.echo(f"queued executions that may have been handed out: {begun.doubted}")
        click.echo("agents take their new marks when they next register; nothing else is to be done")

    with_database(config, database_url, run)


@click.command()
@database_options
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
def backup(config: Path | None, database_url: str | None, file: Path) -> None:
    """Write everything to FILE (- is standard output), as it is at one moment. Controllers may go on running.

    The file holds what the database holds: definitions with whatever secrets they contain, and hashes of keys. It is
    created readable by its owner only; keep it as you keep the database.
    """
    from tocsin_controller.backup import BackupError, back_up

    settings = load_settings(config, database_url=database_url)
    start_logging(settings.model_copy(update={"log_level": "warning"}))

    async def run() -> None:
        if str(file) == "-":
            manifest = await back_up(settings.dsn, sys.stdout.buffer)
        else:
            with _appearing_whole(file) as target:
                manifest = await back_up(settings.dsn, target)
        click.echo(f"backed up {manifest.rows} rows of {len(manifest.members)} tables", err=True)

    try:
        run_to_end(run())
    except BackupError as error:
        die(str(error))


@contextmanager
def _appearing_whole(file: Path) -> Iterator[BinaryIO]:
    """A new file that only its owner reads, and that has its name once it is written, on the disk too."""
    # A name that nobody can have put a file or a link of theirs at, and that no other backup writes to.
    partial = file.with_name(f".{file.name}.{secrets.token_hex(8)}.partial")
    descriptor = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_RDWR, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as target:
            yield target
            target.flush()
            os.fsync(target.fileno())
        partial.replace(file)
        directory = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    finally:
        partial.unlink(missing_ok=True)


@click.command()
@database_options
@click.option("--force", is_flag=True, help="Lose what is in the database now.")
@_keep_queue
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
def restore(config: Path | None, database_url: str | None, force: bool, keep_queue: bool, file: Path) -> None:
    """Make the database what it was when FILE was written. Stop all controllers first.

    The file is verified before anything is changed. When it fails after that, no controller serves this database
    until a restore has succeeded. A new epoch begins, so that nothing that was handed out after the
    backup is mistaken for newer; agents with state directories of any age are let in. What waits
    in the restored queue is not handed out again: see `epoch bump`.
    """
    from tocsin_controller.backup import BackupError
    from tocsin_controller.backup import restore as restore_from
    from tocsin_controller.store.migrate import MigrationError

    settings = load_settings(config, database_url=database_url)
    start_logging(settings.model_copy(update={"log_level": "warning"}))

    async def run() -> None:
        with file.open("rb") as source:
            done = await restore_from(settings.dsn, source, force=force, keep_queue=keep_queue)
        click.echo(f"restored {done.manifest.rows} rows as of {done.manifest.created_at}")
        click.echo(
            f"epoch {done.begun.epoch} has begun; state marks of {done.begun.unmarked} agents were cleared"
        )
        click.echo(f"queued executions that may have been handed out: {done.begun.doubted}")

    try:
        run_to_end(run())
    except (BackupError, MigrationError) as error:
        die(str(error))
