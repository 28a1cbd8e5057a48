"""`tocsin-controller`: serve, dev, migrate, keys, and what `cli_recovery` and `cli_secrets` add."""

import asyncio
import signal
from pathlib import Path
from typing import Any

import click

from tocsin_controller.cli_base import (
    EXIT_BAD_CONFIGURATION,
    EXIT_UNAVAILABLE,
    database_options,
    die,
    load_settings,
    run_to_end,
    start_logging,
    with_database,
)
from tocsin_controller.cli_recovery import backup, epoch, restore
from tocsin_controller.cli_secrets import secrets
from tocsin_controller.settings import ControllerSettings
from tocsin_shared.errors import NotFound, Unavailable
from tocsin_shared.logs import log

#: Between tries to start; a database that stays away after the last is for the service manager to wait for.
START_PAUSES_SECS = (1.0, 2.0, None)
ROLES = ("admin", "operator", "viewer", "agent")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tocsin-controller", prog_name="tocsin-controller")
def main() -> None:
    """Tocsin's controller: owns scheduling and state in PostgreSQL."""


for command in (backup, restore, epoch, secrets):
    main.add_command(command)


@main.command()
@database_options
@click.option("--host", help="Address to listen on (default 0.0.0.0).")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on (default 8080).")
@click.option("--tls-cert", type=click.Path(path_type=Path), help="Certificate chain (PEM) to serve HTTPS.")
@click.option("--tls-key", type=click.Path(path_type=Path), help="Private key (PEM) of the certificate.")
@click.option("--public-url", help="How agents reach this controller.")
@click.option("--state-dir", type=click.Path(path_type=Path), help="Where local executions are journalled.")
@click.option("--log-format", type=click.Choice(["console", "json"]))
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]))
@click.option("--migrate/--no-migrate", default=True, help="Bring the schema up to date first (default).")
def serve(config: Path | None, migrate: bool, **flags: Any) -> None:
    """Serve the API, schedule jobs and hand them to agents. Any number may share one database.

    Every setting can also come from TOCSIN_* variables or the TOML file; see docs/configuration.md.
    """
    settings = load_settings(config, **flags)
    start_logging(settings)
    run_to_end(_serve(settings, migrate=migrate))


@main.command()
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".tocsin"),
    show_default=True,
    help="Where the embedded PostgreSQL and the local journal live.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True)
def dev(data_dir: Path, host: str, port: int) -> None:
    """Serve with a PostgreSQL of its own: for trying things out, not for production."""
    from tocsin_controller.embedded import EmbeddedPostgres, EmbeddedPostgresError
    from tocsin_controller.security.vault_keys import own_key_file

    try:
        with EmbeddedPostgres(data_dir / "postgres") as postgres:
            settings = load_settings(
                None,
                database_url=postgres.dsn("tocsin"),
                host=host,
                port=port,
                state_dir=data_dir / "local-agent",
            )
            if settings.encryption_keys == (None, None):
                settings = settings.model_copy(update={"encryption_key_file": own_key_file(data_dir)})
            start_logging(settings)
            run_to_end(_serve(settings, migrate=True))
    except EmbeddedPostgresError as error:
        die(str(error), EXIT_UNAVAILABLE)


@main.command()
@database_options
def migrate(config: Path | None, database_url: str | None) -> None:
    """Bring the database's schema up to date."""
    from tocsin_controller.store.migrate import MigrationError
    from tocsin_controller.store.migrate import migrate as apply

    settings = load_settings(config, database_url=database_url)

    async def run() -> None:
        applied = await apply(settings.dsn)
        for one in applied:
            click.echo(f"applied {one.name}")
        if not applied:
            click.echo("up to date")

    try:
        run_to_end(run())
    except MigrationError as error:
        die(str(error))


@main.group()
def keys() -> None:
    """API keys, straight in the database: for setting up, and for when the last admin key is lost."""


@keys.command("create")
@database_options
@click.option("--name", required=True, help="What the key is for.")
@click.option("--role", type=click.Choice(ROLES), required=True)
def keys_create(config: Path | None, database_url: str | None, name: str, role: str) -> None:
    """Create a key and print it. It is shown this once only."""
    from tocsin_controller.security.secrets import new_secret
    from tocsin_controller.store.keys import NewKey, insert_key

    async def run(db: Any) -> None:
        secret = new_secret()
        await insert_key(db, NewKey(name, role, secret.prefix, secret.hash, created_by="tocsin-controller"))
        click.echo(secret.raw)

    with_database(config, database_url, run)


@keys.command("list")
@database_options
def keys_list(config: Path | None, database_url: str | None) -> None:
    """List all keys, revoked ones too."""
    from tocsin_controller.store.keys import list_keys

    async def run(db: Any) -> None:
        for key in await list_keys(db):
            state = "active" if key.active else "revoked"
            click.echo(f"{key.id}  {key.key_prefix:<12} {key.role:<9} {state:<8} {key.name}")

    with_database(config, database_url, run)


@keys.command("revoke")
@database_options
@click.argument("key_id", type=click.UUID)
def keys_revoke(config: Path | None, database_url: str | None, key_id: Any) -> None:
    """Revoke a key for good."""
    from tocsin_controller.store.keys import revoke_key

    async def run(db: Any) -> None:
        if not await revoke_key(db, key_id):
            raise NotFound(f"there is no key {key_id}")
        click.echo("revoked")

    with_database(config, database_url, run)


@keys.command("reset-admin")
@database_options
def keys_reset_admin(config: Path | None, database_url: str | None) -> None:
    """Revoke all admin keys and print a new one."""
    from tocsin_controller.security.bootstrap import reset_admin

    async def run(db: Any) -> None:
        click.echo(await reset_admin(db))

    with_database(config, database_url, run)


async def _serve(settings: ControllerSettings, *, migrate: bool) -> None:
    from tocsin_controller.app import running_controller
    from tocsin_controller.store.migrate import migrate as apply
    from tocsin_controller.store.restoring import UNFINISHED, has_unfinished_restore
    from tocsin_shared.garbage import keep_what_is_loaded

    keep_what_is_loaded()
    for pause_secs in START_PAUSES_SECS:
        try:
            if await has_unfinished_restore(settings.dsn):
                die(UNFINISHED)
            if migrate:
                await apply(settings.dsn)
            await _bootstrap(settings)
            break
        except Unavailable as error:
            if pause_secs is None:
                raise
            log.warning("start_delayed", error=str(error.__cause__ or error), retry_secs=pause_secs)
            await asyncio.sleep(pause_secs)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running_controller(settings) as controller:
        log.info("controller_serving", url=controller.url)
        click.echo(f"Tocsin is serving on {controller.url}", err=True)
        await stop.wait()
        log.info("controller_stopping")


async def _bootstrap(settings: ControllerSettings) -> None:
    """Create and print the first keys, on the first start with an empty database."""
    from tocsin_controller.security.bootstrap import BadPreset, ensure_bootstrap_keys
    from tocsin_controller.store.database import Database

    db = await Database.open(settings.dsn, application_name="tocsin-bootstrap", max_size=1)
    try:
        admin, agent = settings.bootstrap_admin_key, settings.bootstrap_agent_key
        created = await ensure_bootstrap_keys(
            db,
            admin_preset=admin.get_secret_value() if admin else None,
            agent_preset=agent.get_secret_value() if agent else None,
        )
    except BadPreset as error:
        die(str(error), EXIT_BAD_CONFIGURATION)
    finally:
        await db.close()
    presets = {"admin": admin, "agent": agent}
    for role, raw in created:
        shown = "(as preset)" if presets.get(role) else raw
        click.echo(f"First {role} key, shown this once: {shown}", err=True)
