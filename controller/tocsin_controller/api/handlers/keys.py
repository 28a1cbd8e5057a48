"""Routes about API keys."""

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.api.table import Call, Route
from tocsin_controller.hints import EVENTS
from tocsin_controller.security.auditing import add_audit
from tocsin_controller.security.keyring import revoked_topic
from tocsin_controller.security.roles import ADMINS, Role, Scope
from tocsin_controller.security.secrets import new_secret
from tocsin_controller.services.show import show_key
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.jobs import read_clock
from tocsin_controller.store.keys import (
    NewKey,
    StoredKey,
    insert_key,
    list_keys,
    lock_bootstrap,
    other_admin_exists,
    revoke_key,
)
from tocsin_shared.errors import Conflict, InvalidInput, NotFound
from tocsin_shared.views.keys import KeyView, NewKeyView
from tocsin_shared.wire import Instant, Name, UserModel


class KeyCreate(UserModel):
    """A new key: for a role, or for scopes."""

    name: Name
    role: Role | None = None
    #: What it is for, and nothing else.
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(Scope))] | None = None
    #: The key stops working then; without it, it works until it is revoked.
    expires_at: Instant | None = None

    @model_validator(mode="after")
    def _either(self) -> Self:
        if (self.role is None) == (self.scopes is None) or self.role is Role.SCOPED:
            raise ValueError("needs either `role` (admin, operator, viewer or agent) or `scopes`")
        return self


class KeyRoutes:
    """Keys: list, create, revoke."""

    def __init__(self, parts: Parts) -> None:
        self._db = parts.db
        self._hints = parts.engine.hints
        self._keyring = parts.keyring

    def routes(self) -> list[Route]:
        """In the order in which paths are tried."""
        return [
            Route(
                "GET", "/api/keys", self.list, "List keys, newest first, revoked ones included", ADMINS, "keys",
                response=list[KeyView],
            ),
            Route(
                "POST", "/api/keys", self.create, "Create a key; it is shown in this answer and never again", ADMINS,
                "keys", body=KeyCreate, response=NewKeyView,
            ),
            Route("DELETE", "/api/keys/{id}", self.revoke, "Revoke a key for good", ADMINS, "keys", status=204),
        ]  # fmt: skip

    async def list(self, call: Call) -> Any:
        return [show_key(key) for key in await list_keys(self._db)]

    async def create(self, call: Call) -> Any:
        body: KeyCreate = call.body
        secret = new_secret()
        async with self._db.transaction() as session:
            if body.expires_at is not None and body.expires_at <= await read_clock(session):
                raise InvalidInput.field("expires_at", "is in the past")
            new = NewKey(
                body.name, body.role or Role.SCOPED, secret.prefix, secret.hash,
                created_by=call.caller.name, expires_at=body.expires_at,
                scopes=sorted(set(body.scopes or ())),
            )  # fmt: skip
            key = await insert_key(session, new)
            if key is None:
                raise Conflict("two keys came out the same, which never happens; try again")
            await add_events(session, [_key_event("key.created", key, call)])
            await add_audit(session, call.caller, "key.created", "key", key.id, _named(key))
        self._hints.hint(EVENTS)
        return {"key": show_key(key), "raw_key": secret.raw}

    async def revoke(self, call: Call) -> None:
        key_id = call.id("id")
        async with self._db.transaction() as session:
            await lock_bootstrap(session)
            key = await revoke_key(session, key_id)
            if key is None:
                raise NotFound(f"there is no key {key_id}")
            if key.role == Role.ADMIN and not await other_admin_exists(session, key_id):
                raise Conflict("this is the last admin key; create another one first")
            await add_events(session, [_key_event("key.revoked", key, call)])
            await add_audit(session, call.caller, "key.revoked", "key", key.id, _named(key))
        self._keyring.forget(key_id)
        self._hints.hint(revoked_topic(key_id))
        self._hints.hint(EVENTS)


def _named(key: StoredKey) -> str:
    return f"'{key.name}' ({_purpose(key)})"


def _purpose(key: StoredKey) -> str:
    return f"scopes {', '.join(key.scopes)}" if key.scopes else f"role {key.role}"


def _key_event(kind: str, key: StoredKey, call: Call) -> NewEvent:
    verb = kind.rpartition(".")[2]
    return NewEvent(
        kind,
        "info",
        f"Key '{key.name}' was {verb} ({_purpose(key)})",
        api_key_id=call.caller.key_id,
        api_key_name=call.caller.name,
    )
