"""What the commands of `tocsin-controller` share: settings, the database, exit codes."""

import sys
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, NoReturn, ParamSpec

import click
from pydantic import ValidationError

from tocsin_controller.security.key_error import EncryptionKeyError
from tocsin_controller.settings import ControllerSettings
from tocsin_shared.errors import TocsinError, Unavailable

P = ParamSpec("P")

#: sysexits.h EX_CONFIG: systemd is told not to restart on it.
EXIT_BAD_CONFIGURATION = 78
EXIT_UNAVAILABLE = 69


def database_options(command: Callable[P, Any]) -> Callable[P, Any]:
    """The options of every command that needs a database."""
    command = click.option(
        "--config", type=click.Path(path_type=Path, dir_okay=False), help="TOML file with settings."
    )(command)
    return click.option(
        "--database-url",
        metavar="DSN",
        help="PostgreSQL DSN (or TOCSIN_DATABASE_URL, which keeps a password out of the process list).",
    )(command)


def with_database(
    config: Path | None, database_url: str | None, work: Callable[[Any], Awaitable[None]]
) -> None:
    """Run a command's work on an open Database."""
    from tocsin_controller.store.database import Database

    settings = load_settings(config, database_url=database_url)
    start_logging(settings.model_copy(update={"log_level": "warning"}))

    async def run() -> None:
        db = await Database.open(settings.dsn, application_name="tocsin-keys", max_size=1)
        try:
            await work(db)
        finally:
            await db.close()

    run_to_end(run())


def load_settings(config: Path | None, **flags: Any) -> ControllerSettings:
    """Settings from flags, environment and file; ends the process when they are wrong."""
    try:
        settings = ControllerSettings.load(config, **flags)
        has_database = bool(settings.dsn)
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, e['loc'])) or 'settings'}: {e['msg']}" for e in error.errors())
        die("bad settings: " + "; ".join(problems), EXIT_BAD_CONFIGURATION)
    except (OSError, ValueError) as error:
        die(f"the configuration can't be read: {error}", EXIT_BAD_CONFIGURATION)
    if not has_database:
        die("no database: set --database-url or TOCSIN_DATABASE_URL", EXIT_BAD_CONFIGURATION)
    return settings


def start_logging(settings: ControllerSettings) -> None:
    """Log as the settings say."""
    from tocsin_shared.logs import configure_logging

    configure_logging(settings.log_format, settings.log_level)


def run_to_end(work: Coroutine[Any, Any, None]) -> None:
    """Run a command; errors become one line and an exit code."""
    import uvloop

    from tocsin_shared.garbage import collect_less

    collect_less()
    try:
        uvloop.run(work)
    except Unavailable as error:
        die(f"the database can't be reached: {error.__cause__ or error}", EXIT_UNAVAILABLE)
    except EncryptionKeyError as error:
        die(str(error), EXIT_BAD_CONFIGURATION)
    except TocsinError as error:
        die(str(error))
    except OSError as error:
        die(str(error), EXIT_UNAVAILABLE)
    except KeyboardInterrupt:
        sys.exit(130)


def die(message: str, code: int = 1) -> NoReturn:
    """End with one line on standard error."""
    click.echo(f"tocsin-controller: {message}", err=True)
    sys.exit(code)
