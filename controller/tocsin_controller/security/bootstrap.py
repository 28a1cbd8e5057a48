"""The first keys, and the way back in when the last admin key was lost."""

from typing import Final

from tocsin_controller.security.roles import Role
from tocsin_controller.security.secrets import MAX_KEY_CHARS, Secret, new_secret, secret_from
from tocsin_controller.store.database import Database, Session
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.keys import (
    NewKey,
    active_key_exists,
    insert_key,
    lock_bootstrap,
    revoke_admin_keys,
)

MADE_BY: Final = "bootstrap"


class BadPreset(ValueError):
    """A preset key can't be used; the message says why, for the operator."""


async def ensure_bootstrap_keys(
    db: Database, admin_preset: str | None = None, agent_preset: str | None = None
) -> list[tuple[Role, str]]:
    """Makes one admin and one agent key when no key works; what was made, or nothing.

    Any string may be preset. Several controllers may call this at once; one makes the keys.
    """
    async with db.transaction() as conn:
        await lock_bootstrap(conn)
        if await active_key_exists(conn):
            return []
        return [
            (Role.ADMIN, await _make(conn, Role.ADMIN, admin_preset)),
            (Role.AGENT, await _make(conn, Role.AGENT, agent_preset)),
        ]


async def reset_admin(db: Database, preset: str | None = None) -> str:
    """Revokes every admin key and makes a fresh one, which is returned. Hint `keys` afterwards."""
    async with db.transaction() as conn:
        await lock_bootstrap(conn)
        revoked = await revoke_admin_keys(conn)
        raw = await _make(conn, Role.ADMIN, preset)
        message = f"The admin key was reset; {revoked} earlier admin keys no longer work"
        await add_events(conn, [NewEvent("key.reset", "warning", message)])
        return raw


async def _make(conn: Session, role: Role, preset: str | None) -> str:
    secret = _from_preset(role, preset) if preset else new_secret()
    stored = await insert_key(
        conn, NewKey(f"bootstrap-{role}", role, secret.prefix, secret.hash, created_by=MADE_BY)
    )
    if stored is None:
        raise BadPreset(f"the preset {role} key is in use or was revoked; choose another")
    message = f"Key '{stored.name}' was created (role {role})"
    await add_events(
        conn, [NewEvent("key.created", "info", message, api_key_id=stored.id, api_key_name=stored.name)]
    )
    return secret.raw


def _from_preset(role: Role, preset: str) -> Secret:
    if len(preset) > MAX_KEY_CHARS or preset != preset.strip() or not preset.isprintable():
        raise BadPreset(f"the preset {role} key must be at most {MAX_KEY_CHARS} printable characters")
    return secret_from(preset)
