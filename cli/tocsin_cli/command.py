"""The shape of all commands: global options anywhere, examples in the help, a session to work with."""

import functools
import os
import sys
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

import click

from tocsin_cli.global_options import given_flags, global_options
from tocsin_cli.profiles import is_open_to_others, load_profiles, profiles_path
from tocsin_cli.settings import Settings, resolve_settings

if TYPE_CHECKING:
    from tocsin_cli.session import Session

P = ParamSpec("P")

#: What an asynchronous command gives: nothing, or the exit code when it is not simply 0.
Work = Coroutine[Any, Any, int | None]


class Command(click.Command):
    """A command that takes the global options too and shows examples in its help."""

    def __init__(self, *args: Any, examples: list[str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples or []
        self.params += global_options(hidden=True)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The examples, and a word on the options that are not listed."""
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"{'':{formatter.current_indent}}{example}\n")
        formatter.write_paragraph()
        formatter.write_text(
            "Global options (--url, --profile, --output, ...) may stand here too; see `tocsin --help`."
        )


class Group(click.Group):
    """A group whose commands are `Command`s; takes the global options as well."""

    command_class = Command

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += global_options(hidden=True)


def settings_of(ctx: click.Context) -> Settings:
    """The settings of this invocation. Raises Failure."""
    path = profiles_path()
    return resolve_settings(given_flags(ctx), os.environ, lambda: load_profiles(path))


def warn_about_keys(ctx: click.Context) -> None:
    """Say so when the key can be seen by other people of this machine."""
    if given_flags(ctx).get("key"):
        click.echo(
            "warning: --key shows the key to everybody who can list processes; use TOCSIN_KEY or --key-file",
            err=True,
        )
    elif is_open_to_others(profiles_path()):
        click.echo(f"warning: others can read the keys in {profiles_path()}; run: chmod 600 on it", err=True)


def connected(work: Callable[Concatenate["Session", P], Work]) -> Callable[P, None]:
    """Makes a command of a coroutine function, which gets a session with the controller first."""

    @functools.wraps(work)
    def command(*args: P.args, **kwargs: P.kwargs) -> None:
        import asyncio

        from tocsin_cli.session import open_session

        ctx = click.get_current_context()
        settings = settings_of(ctx)
        warn_about_keys(ctx)

        async def run() -> int | None:
            async with open_session(settings) as session:
                return await work(session, *args, **kwargs)

        code = asyncio.run(run())
        sys.stdout.flush()
        if code:
            ctx.exit(code)

    return command
