"""`tocsin profile`."""

import dataclasses
import sys
from pathlib import Path

import click

from tocsin_cli.command import Group
from tocsin_cli.failures import Failure
from tocsin_cli.global_options import given_flags
from tocsin_cli.output.printer import Printer
from tocsin_cli.output.table import Column, Table
from tocsin_cli.profiles import Profile, Profiles, check_name, load_profiles, profiles_path, save_profiles
from tocsin_cli.settings import read_key_file

_COLUMNS = (
    Column("Profile", is_kept=True),
    Column("Current"),
    Column("URL"),
    Column("Key"),
    Column("CA file"),
)


@click.group(cls=Group)
def profile() -> None:
    """Remember controllers and their keys under names, in ~/.config/tocsin/profiles.toml."""


@profile.command(
    "set",
    examples=[
        "tocsin profile set prod --url https://tocsin.example.org",
        "tocsin profile set prod --key-file ~/tocsin.key --ca-file /etc/ssl/our-ca.pem",
    ],
)
@click.argument("name")
@click.option("--no-key", is_flag=True, help="Forget the key.")
@click.pass_context
def set_(ctx: click.Context, name: str, no_key: bool) -> None:
    """Make or change a profile. What you do not give stays; a missing key is asked for."""
    flags = given_flags(ctx)
    path = profiles_path()
    profiles = load_profiles(path)
    try:
        old = profiles.by_name.get(check_name(name), Profile())
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if old == Profile() and not flags.get("url"):
        raise click.UsageError("a new profile needs --url")
    key = flags.get("key") or (read_key_file(flags["key_file"]) if flags.get("key_file") else None)
    if not key and not no_key and old.key is None and sys.stdin.isatty():
        key = click.prompt(
            "API key (empty for none)", default="", hide_input=True, show_default=False, err=True
        )
    profiles.by_name[name] = dataclasses.replace(
        old,
        url=flags.get("url") or old.url,
        key=None if no_key else (key or old.key),
        ca_file=flags.get("ca_file") or old.ca_file,
    )
    if len(profiles.by_name) == 1:
        profiles.current = name
    _save(profiles, path)
    click.echo(f"saved profile {name}" + (" (current)" if profiles.current == name else ""))


@profile.command("ls", examples=["tocsin profile ls"])
@click.pass_context
def ls(ctx: click.Context) -> None:
    """List profiles. Keys are not shown."""
    profiles = load_profiles(profiles_path())
    out = Printer(given_flags(ctx).get("output") or "table", colour=not given_flags(ctx).get("no_color"))
    if out.is_json:
        rows = {name: {"url": one.url, "ca_file": one.ca_file} for name, one in profiles.by_name.items()}
        out.json({"current": profiles.current, "profiles": rows})
        return
    table = Table(_COLUMNS, when_empty="No profiles. Make one with: tocsin profile set NAME --url URL")
    for name, one in profiles.by_name.items():
        is_current = "yes" if name == profiles.current else ""
        table.add(name, is_current, one.url or "-", "set" if one.key else "-", one.ca_file or "-")
    out.table(table)


@profile.command("use", examples=["tocsin profile use prod"])
@click.argument("name")
def use(name: str) -> None:
    """Make a profile the one that is used when nothing else is said."""
    path = profiles_path()
    profiles = load_profiles(path)
    if name not in profiles.by_name:
        raise Failure(f"there is no profile {name!r} (known: {', '.join(profiles.by_name) or 'none yet'})")
    profiles.current = name
    _save(profiles, path)
    click.echo(f"using profile {name}")


def _save(profiles: Profiles, path: Path) -> None:
    try:
        save_profiles(path, profiles)
    except OSError as error:
        raise Failure(f"cannot write {path}: {error.strerror}") from None
