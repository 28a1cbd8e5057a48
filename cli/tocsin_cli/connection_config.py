"""What people say of a connection's configuration on the command line: secrets by prompt, file or pipe only."""

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import click

from tocsin_cli.failures import Failure
from tocsin_cli.manifests import read_source

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Said:
    """As it was said; nothing is read or asked for yet."""

    pairs: tuple[str, ...]
    source: str | None
    secrets: tuple[str, ...]
    secret_files: tuple[str, ...] = field(repr=False)

    def config(self, conn_type: str) -> dict[str, Any]:
        """The keys with their values; the later goes before: file, pairs, secrets. Raises UsageError, Failure."""
        from tocsin_shared.connections.configs import CONFIGS

        model = CONFIGS.get(conn_type)
        secret = model.secret_fields if model is not None else frozenset()
        found: dict[str, Any] = _document(self.source) if self.source is not None else {}
        for pair in self.pairs:
            name, value = _split(pair, "KEY=VALUE")
            if name in secret:
                raise click.UsageError(
                    f"{name} is a secret: say --secret {name}, or --secret-file {name}=FILE"
                )
            found[name] = value
        for pair in self.secret_files:
            name, path = _split(pair, "--secret-file KEY=FILE")
            found[name] = _content(path)
        if len(self.secrets) > 1 and not sys.stdin.isatty():
            raise click.UsageError("only one --secret can be read from standard input")
        for name in self.secrets:
            found[name] = _asked(name)
        return found


def said_options(command: F) -> F:
    """KEY=VALUE arguments, `--secret`, `--secret-file` and `--file`, which arrive together as `said`."""

    @functools.wraps(command)
    def together(
        *args: Any,
        pairs: tuple[str, ...],
        source: str | None,
        secret: tuple[str, ...],
        secret_file: tuple[str, ...],
        **options: Any,
    ) -> Any:
        return command(*args, said=Said(pairs, source, secret, secret_file), **options)

    for add in (
        click.option(
            "-f", "--file", "source", metavar="FILE", help="Keys from YAML or JSON; - is standard input."
        ),
        click.option(
            "--secret-file",
            metavar="KEY=FILE",
            multiple=True,
            help="Take a secret from there; may be repeated.",
        ),
        click.option(
            "--secret",
            metavar="KEY",
            multiple=True,
            help="Ask for this secret, or read it from standard input.",
        ),
        click.argument("pairs", metavar="[KEY=VALUE]...", nargs=-1),
    ):
        together = add(together)
    return together  # type: ignore[return-value]  # with other parameters


def _split(pair: str, form: str) -> tuple[str, str]:
    name, sign, value = pair.partition("=")
    if not sign or not name:
        # Not what was said: it may be a secret.
        raise click.UsageError(f"expected {form}")
    return name, value


def _document(source: str) -> dict[str, Any]:
    documents = read_source(source)
    if len(documents) != 1:
        raise Failure(f"{source}: one document expected, not {len(documents)}")
    return documents[0]


def _content(path: str) -> str:
    try:
        return Path(path).read_text("utf-8").removesuffix("\n")
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Failure(f"{path} is not text in UTF-8") from None


def _asked(name: str) -> str:
    if sys.stdin.isatty():
        typed: str = click.prompt(name, hide_input=True, err=True)
        return typed
    return sys.stdin.read().removesuffix("\n").removesuffix("\r")
