"""Variables as people change them. No value ever gets into an event, an error or a log."""

from typing import Any

import asyncpg

from tocsin_controller.hints import EVENTS, Hints
from tocsin_controller.security.auditing import HIDDEN, add_audit
from tocsin_controller.security.roles import Principal
from tocsin_controller.security.sealing import Vault, key_id_of, retired_key
from tocsin_controller.services.change_events import change_event
from tocsin_controller.store.database import Database, Record, Session
from tocsin_controller.store.events import add_events
from tocsin_controller.store.jobs import read_clock
from tocsin_controller.store.sealed import VARIABLES
from tocsin_controller.store.variables import (
    VariableRow,
    count_variables,
    delete_variable,
    insert_variable,
    list_variables,
    lock_variable,
    update_variable,
    variable_row,
)
from tocsin_shared.errors import Conflict, InvalidInput, NameTaken, NotFound
from tocsin_shared.masks import VARIABLE_MASK
from tocsin_shared.variables import MOST_VARIABLES, VariableCreate, VariableUpdate


class VariableService:
    """Creating, reading, changing and deleting variables."""

    def __init__(self, db: Database, hints: Hints, vault: Vault) -> None:
        self._db = db
        self._hints = hints
        self._vault = vault

    async def list(self, *, after: str, search: str | None, limit: int) -> list[dict[str, Any]]:
        """Variables by name."""
        rows = await list_variables(self._db, after=after, search=search, limit=limit)
        return [show_variable(row) for row in rows]

    async def get(self, name: str) -> dict[str, Any]:
        """One variable. Raises NotFound."""
        row = await variable_row(self._db, name)
        if row is None:
            raise _no_variable(name)
        return show_variable(row)

    async def create(self, body: VariableCreate, by: Principal) -> dict[str, Any]:
        """A new variable. Raises InvalidInput, NameTaken."""
        async with self._db.transaction() as session:
            await self.create_in(session, body, by)
        self._hints.hint(EVENTS)
        return await self.get(body.name)

    async def create_in(self, session: Session, body: VariableCreate, by: Principal) -> None:
        """A new variable in the caller's transaction. Raises InvalidInput, NameTaken."""
        if body.secret and body.value == VARIABLE_MASK:
            raise InvalidInput.field("value", "is the mask of a secret, not a value")
        if body.expires_at is not None and body.expires_at <= await read_clock(session):
            raise InvalidInput.field("expires_at", "is in the past")
        if await count_variables(session) >= MOST_VARIABLES:
            raise Conflict(f"there are {MOST_VARIABLES} variables already, and no more are kept")
        row = self._row(body.name, body.value, is_secret=body.secret, expires_at=body.expires_at)
        try:
            is_stored = await insert_variable(session, row, by.name)
        except asyncpg.UniqueViolationError:
            raise NameTaken.of("a variable", body.name) from None
        if not is_stored:
            raise retired_key()
        await add_events(session, [change_event("variable.created", body.name, by)])
        await add_audit(session, by, "variable.created", "variable", body.name)

    async def update(self, name: str, body: VariableUpdate, by: Principal) -> dict[str, Any]:
        """Change a variable. Raises InvalidInput, NotFound."""
        async with self._db.transaction() as session:
            stored = await lock_variable(session, name)
            if stored is None:
                raise _no_variable(name)
            if await self._update(session, stored, body, by):
                await add_events(session, [change_event("variable.updated", name, by)])
                sent = sorted(body.model_fields_set)
                changes = dict.fromkeys(sent, (HIDDEN, HIDDEN))
                await add_audit(session, by, "variable.updated", "variable", name, changes=changes)
        self._hints.hint(EVENTS)
        return await self.get(name)

    async def _update(self, session: Session, stored: Record, body: VariableUpdate, by: Principal) -> bool:
        """Whether anything changed."""
        name, was_secret = stored["name"], stored["secret"]
        is_secret = was_secret if body.secret is None else body.secret
        value = None if body.value == (VARIABLE_MASK if was_secret else stored["value"]) else body.value
        if was_secret and not is_secret and value is None:
            raise InvalidInput.field("value", "a secret becomes an ordinary variable only with a new value")
        expires_at = stored["expires_at"]
        if "expires_at" in body.model_fields_set and body.expires_at != expires_at:
            expires_at = body.expires_at
            if expires_at is not None and expires_at <= await read_clock(session):
                raise InvalidInput.field("expires_at", "is in the past")
        if value is None and is_secret == was_secret:
            if expires_at == stored["expires_at"]:
                return False
            key_id = key_id_of(stored["sealed"]) if was_secret else None
            row = VariableRow(name, stored["value"], stored["sealed"], key_id, expires_at)
        else:
            text = stored["value"] if value is None else value
            row = self._row(name, text, is_secret=is_secret, expires_at=expires_at)
        if not await update_variable(session, row, by.name):
            raise retired_key()
        return True

    async def delete(self, name: str, by: Principal) -> None:
        """Delete a variable. Raises NotFound."""
        async with self._db.transaction() as session:
            if not await delete_variable(session, name):
                raise _no_variable(name)
            await add_events(session, [change_event("variable.deleted", name, by)])
            await add_audit(session, by, "variable.deleted", "variable", name)
        self._hints.hint(EVENTS)

    def _row(self, name: str, text: str, *, is_secret: bool, expires_at: Any) -> VariableRow:
        if not is_secret:
            return VariableRow(name, text, None, None, expires_at)
        sealed = self._vault.seal(text, VARIABLES.place(name))
        return VariableRow(name, None, sealed, key_id_of(sealed), expires_at)


def show_variable(row: Record) -> dict[str, Any]:
    """A variable as it is answered."""
    shown = {
        "name": row["name"],
        "value": VARIABLE_MASK if row["secret"] else row["value"],
        "secret": row["secret"],
        "updated_at": row["updated_at"],
    }
    if row["expires_at"] is not None:
        shown["expires_at"] = row["expires_at"]
    return shown


def _no_variable(name: str) -> NotFound:
    return NotFound(f"there is no variable '{name[:128]}'")
