"""The options that every command takes, before or after its name."""

from collections.abc import Mapping
from typing import Any, Final

import click

_PREFIX: Final = "tocsin_cli.flags."


def global_options(*, hidden: bool) -> list[click.Option]:
    """Fresh option objects. What they are given is kept in the context; `given_flags` reads it."""

    def option(*names: str, help_text: str, **attributes: Any) -> click.Option:
        return click.Option(
            names, help=help_text, expose_value=False, hidden=hidden, callback=_remember, **attributes
        )

    return [
        option("--url", help_text="Address of the controller. [env: TOCSIN_URL]", metavar="URL"),
        option("--key", help_text="API key; --key-file or TOCSIN_KEY keep it private.", metavar="KEY"),
        option("--key-file", help_text="File with the API key. [env: TOCSIN_KEY_FILE]", metavar="FILE"),
        option("--profile", help_text="Named controller, see `tocsin profile`. [env: TOCSIN_PROFILE]", metavar="NAME"),
        option("--ca-file", help_text="CA certificates (PEM) to trust. [env: TOCSIN_CA_FILE]", metavar="FILE"),
        option(
            "-o", "--output", help_text="How answers are printed; json is what the API sent.",
            type=click.Choice(["table", "json"]),
        ),
        option("--no-color", help_text="Never use colours. [env: NO_COLOR]", is_flag=True, default=None),
    ]  # fmt: skip


def given_flags(ctx: click.Context) -> Mapping[str, Any]:
    """What has been given so far, by the option's name in Python."""
    return {name.removeprefix(_PREFIX): value for name, value in ctx.meta.items() if name.startswith(_PREFIX)}


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    # Click keeps `meta` in one dict for the whole chain of contexts, so the one nearest to the end wins.
    if value is not None and param.name is not None:
        ctx.meta[_PREFIX + param.name] = value
