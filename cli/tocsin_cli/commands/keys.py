"""`tocsin keys`."""

from typing import Any

import click

from tocsin_cli.client import path_of
from tocsin_cli.command import Group, connected
from tocsin_cli.confirming import confirm, yes_option
from tocsin_cli.failures import Missing
from tocsin_cli.lookup import for_each
from tocsin_cli.output.table import Column, Table, status
from tocsin_cli.output.times import local_time, parse_instant, time_and_age, utc_now
from tocsin_cli.session import Session

Json = dict[str, Any]

_COLUMNS = (
    Column("Id", is_kept=True),
    Column("Name"),
    Column("For"),
    Column("Begins", is_extra=True),
    Column("Status"),
    Column("Created", is_extra=True),
    Column("Expires"),
    Column("Last used", is_extra=True),
)


@click.group(cls=Group)
def keys() -> None:
    """Create, show and revoke API keys. KEY is an id, the beginning of one, or a name that only one key has."""


@keys.command("ls", examples=["tocsin keys ls", "tocsin keys ls --all"])
@click.option("--all", "with_revoked", is_flag=True, help="Also the revoked ones.")
@connected
async def ls(session: Session, with_revoked: bool) -> None:
    """List keys, newest first. The keys themselves are shown only once, when they are made."""
    found: list[Json] = await session.api.get("/api/keys")
    if session.out.is_json:
        session.out.json(found)
        return
    shown = [key for key in found if with_revoked or key["active"]]
    table = Table(_COLUMNS, when_empty="No keys.")
    ids = [key["id"] for key in shown]
    for key in shown:
        table.add(
            session.out.shown_id(key["id"], ids),
            key["name"],
            _purpose(key),
            key["key_prefix"],
            _status(key),
            local_time(key["created_at"]),
            local_time(key.get("expires_at")),
            time_and_age(key.get("last_used_at")),
        )
    session.out.table(table)


@keys.command(
    "create",
    examples=[
        "tocsin keys create ci --role operator",
        "KEY=$(tocsin keys create web-1 --role agent --quiet)",
        "tocsin keys create krafter --scope cron:write",
    ],
)
@click.argument("name")
@click.option("--role", type=click.Choice(["admin", "operator", "viewer", "agent"]))
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(["cron:read", "cron:write"]),
    multiple=True,
    help="Instead of a role: only Krafter's API, /api/v1/cron. May be repeated.",
)
@click.option("--expires", metavar="INSTANT", help="Valid until then, such as 2027-01-01T00:00:00Z.")
@click.option("-q", "--quiet", is_flag=True, help="Print the key and nothing else.")
@connected
async def create(
    session: Session, name: str, role: str | None, scopes: tuple[str, ...], expires: str | None, quiet: bool
) -> None:
    """Create a key for a role or for scopes, and print it.

    It is kept nowhere else: whoever loses it makes another one.
    """
    if (role is None) != bool(scopes):
        raise click.UsageError("A key needs either --role or --scope.")
    body: Json = {"name": name, "role": role} if role else {"name": name, "scopes": list(scopes)}
    body |= {"expires_at": expires} if expires else {}
    made = await session.api.post("/api/keys", body)
    if session.out.is_json:
        session.out.json(made)
        return
    if not quiet:
        session.out.note(
            f"created {_purpose(made['key'])} key {name!r} ({made['key']['id']}); this is the only time it is shown:"
        )
    session.out.line(made["raw_key"])


@keys.command("revoke", examples=["tocsin keys revoke ci", "tocsin keys revoke 01994c2e-5a7b --yes"])
@click.argument("keys", metavar="KEY...", nargs=-1, required=True)
@yes_option
@connected
async def revoke(session: Session, keys: tuple[str, ...], yes: bool) -> int:
    """Revoke keys, from this moment on and for good."""
    found: list[Json] = await session.api.get("/api/keys")

    async def revoke_one(ref: str) -> None:
        key = _pick(found, ref)
        confirm(f"Revoke {_purpose(key)} key {key['name']} ({key['key_prefix']}...)?", yes=yes)
        await session.api.delete(path_of("keys", key["id"]))
        if not session.out.is_json:
            session.out.line(f"revoked {key['name']} ({key['id']})")

    return await for_each(keys, revoke_one)


def _purpose(key: Json) -> str:
    return " ".join(key.get("scopes") or ()) or str(key["role"])


def _pick(keys: list[Json], ref: str) -> Json:
    """The key that is meant; among keys of one name only one that is still valid."""
    by_id = [key for key in keys if key["id"] == ref or (len(ref) >= 4 and key["id"].startswith(ref))]
    matching = by_id or [key for key in keys if key["name"] == ref and key["active"]]
    if not matching:
        raise Missing(f"there is no key {ref!r}; see: tocsin keys ls", status=404)
    if len(matching) > 1:
        raise Missing(
            f"{ref!r} fits several keys; name one by its id: " + ", ".join(key["id"] for key in matching)
        )
    return matching[0]


def _status(key: Json) -> Any:
    if not key["active"]:
        return status("revoked")
    if key.get("expires_at") and parse_instant(key["expires_at"]) <= utc_now():
        return status("error", "expired")
    return status("ok", "valid")
