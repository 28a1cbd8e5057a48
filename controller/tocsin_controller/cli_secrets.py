"""`tocsin-controller secrets`: the keys that secret values are encrypted with."""

from pathlib import Path
from typing import Any

import click

from tocsin_controller.cli_base import database_options, die, load_settings, with_database


@click.group()
def secrets() -> None:
    """The keys that secret values are encrypted with in the database. See docs/secrets.md."""


@secrets.command("new-key")
def new_key() -> None:
    """Print a fresh encryption key. It is kept nowhere."""
    from tocsin_controller.security.sealing import new_key as make

    click.echo(make())


@secrets.command("rotate")
@database_options
def rotate(config: Path | None, database_url: str | None) -> None:
    """Encrypt everything with the first of the configured keys.

    Controllers may go on running. It works in small batches; interrupted, it is simply started again. Keys that
    nothing is encrypted with any more are named at the end and need not be configured any longer.
    """
    from tocsin_controller.security import vault_keys

    async def run(db: Any) -> None:
        keys = load_settings(config, database_url=database_url).encryption_keys
        done = await vault_keys.rotate(db, vault_keys.vault_from(*keys))
        click.echo(f"{done.resealed} values were encrypted anew")
        for key_id in done.retired:
            click.echo(f"key {key_id.hex()} is no longer needed")

    with_database(config, database_url, run)


@secrets.command("forget-key")
@database_options
@click.argument("key_id", metavar="KEY_ID")
@click.option("--yes", is_flag=True, help="Do it without asking.")
def forget_key(config: Path | None, database_url: str | None, key_id: str, yes: bool) -> None:
    """Give up an encryption key that is lost for good, and delete what only it can decrypt.

    KEY_ID is what the controller names when it refuses to start.
    """
    from tocsin_controller.security import vault_keys

    try:
        raw = bytes.fromhex(key_id)
    except ValueError:
        die(f"{key_id!r} is no key id: it has 16 hexadecimal digits")
    if not yes:
        click.confirm(f"Delete every secret that is encrypted with key {key_id}?", abort=True, err=True)

    async def run(db: Any) -> None:
        for what in await vault_keys.forget_key(db, raw):
            click.echo(f"deleted {what}")

    with_database(config, database_url, run)
