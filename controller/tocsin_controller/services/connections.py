"""Connections as people change them. No secret of theirs ever gets into an answer, an event, an error or a log."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import asyncpg
from pydantic import ValidationError

from tocsin_controller.hints import EVENTS, Hints
from tocsin_controller.security.auditing import HIDDEN, Changes, add_audit
from tocsin_controller.security.connection_configs import opened, sealed_config
from tocsin_controller.security.roles import Principal
from tocsin_controller.security.sealing import CannotUnseal, Vault, no_key, retired_key
from tocsin_controller.security.using_connections import Given, usable_connections
from tocsin_controller.security.values import Unfilled
from tocsin_controller.services.change_events import change_event
from tocsin_controller.services.findings import invalid
from tocsin_controller.store.connections import (
    ConnectionRow,
    connection_row,
    count_connections,
    delete_connection,
    insert_connection,
    jobs_of_connection,
    list_connections,
    lock_connection,
    update_connection,
)
from tocsin_controller.store.database import Database, Record, Session
from tocsin_controller.store.events import add_events
from tocsin_controller.substitution.connections import inspect_config
from tocsin_shared.connections.configs import CONFIGS
from tocsin_shared.connections.masking import masked, merged, unmeant_masks
from tocsin_shared.connections.requests import (
    MAX_CONFIG_BYTES,
    MOST_CONNECTIONS,
    ConnectionCreate,
    ConnectionUpdate,
)
from tocsin_shared.errors import Conflict, FieldError, InvalidInput, NameTaken, NotFound
from tocsin_shared.executions import Reason
from tocsin_shared.tasks.fitting import why_unfit
from tocsin_shared.wire import dumps

#: Jobs that an error names.
_MOST_NAMED: Final = 20
#: Jobs that are looked at when the type of their connection changes.
_MOST_JOBS: Final = 100_000


class ConnectionService:
    """Creating, reading, changing and deleting connections."""

    def __init__(self, db: Database, hints: Hints, vault: Vault) -> None:
        self._db = db
        self._hints = hints
        self._vault = vault

    async def list(self, *, after: str, search: str | None, limit: int) -> list[dict[str, Any]]:
        """Connections by name."""
        rows = await list_connections(self._db, after=after, search=search, limit=limit)
        return await asyncio.to_thread(lambda: [self._shown(row) for row in rows])

    async def get(self, name: str) -> dict[str, Any]:
        """One connection. Raises NotFound."""
        row = await connection_row(self._db, name)
        if row is None:
            raise no_connection(name)
        return self._shown(row)

    async def usable(self, name: str) -> Given | Unfilled:
        """One connection as jobs get it. Raises NotFound, Conflict when it can't be read."""
        if await connection_row(self._db, name) is None:
            raise no_connection(name)
        found = (await usable_connections(self._db, self._vault, [name]))[name]
        if isinstance(found, Unfilled) and found.reason is Reason.BAD_CONNECTION:
            raise Conflict(found.message)
        return found

    async def create(self, body: ConnectionCreate, by: Principal) -> dict[str, Any]:
        """A new connection. Raises InvalidInput, NameTaken, Conflict."""
        async with self._db.transaction() as session:
            await self.create_in(session, body, by)
        self._hints.hint(EVENTS)
        return await self.get(body.name)

    async def create_in(self, session: Session, body: ConnectionCreate, by: Principal) -> None:
        """A new connection in the caller's transaction. Raises InvalidInput, NameTaken, Conflict."""
        sent = {name: value for name, value in body.config.items() if value is not None}
        row = self._row(body.name, body.conn_type, body.description, _checked(sent, body.conn_type))
        if await count_connections(session) >= MOST_CONNECTIONS:
            raise Conflict(f"there are {MOST_CONNECTIONS} connections already, and no more are kept")
        try:
            is_stored = await insert_connection(session, row, by.name)
        except asyncpg.UniqueViolationError:
            raise NameTaken.of("a connection", body.name) from None
        if not is_stored:
            raise retired_key()
        await add_events(session, [change_event("connection.created", body.name, by)])
        await add_audit(session, by, "connection.created", "connection", body.name, body.conn_type)

    async def update(self, name: str, body: ConnectionUpdate, by: Principal) -> dict[str, Any]:
        """Change a connection. Raises InvalidInput, NotFound, Conflict."""
        async with self._db.transaction() as session:
            row = await lock_connection(session, name)
            if row is None:
                raise no_connection(name)
            changes = await self._update(session, row, body, by)
            if changes:
                await add_events(session, [change_event("connection.updated", name, by)])
                await add_audit(session, by, "connection.updated", "connection", name, changes=changes)
        self._hints.hint(EVENTS)
        return await self.get(name)

    async def _update(self, session: Session, row: Record, body: ConnectionUpdate, by: Principal) -> Changes:
        """What changed; nothing of it is a secret."""
        conn_type: str = body.conn_type or row["conn_type"]
        model = CONFIGS.get(conn_type)
        if model is None:
            raise InvalidInput.field("conn_type", "is not known to this release")
        try:
            stored = opened(self._vault, row).config
        except CannotUnseal:  # what can't be read can only be said anew
            stored = {}
        config = _checked(merged(stored, body.config or {}, model), conn_type)
        description = body.description if "description" in body.model_fields_set else row["description"]
        changes = _changes(row, stored, conn_type, description, config)
        if changes:
            if conn_type != row["conn_type"]:
                await _refuse_unfit_jobs(session, row["name"], conn_type)
            fresh = self._row(row["name"], conn_type, description, config)
            if not await update_connection(session, fresh, by.name):
                raise retired_key()
        return changes

    async def delete(self, name: str, by: Principal, *, force: bool) -> None:
        """Delete a connection. Raises NotFound, and Conflict naming the jobs that use it unless `force`."""
        async with self._db.transaction() as session:
            if await lock_connection(session, name) is None:
                raise no_connection(name)
            users = await jobs_of_connection(session, name, _MOST_NAMED + 1)
            if users and not force:
                raise Conflict(f"the connection is in use by {_named(users)}")
            await delete_connection(session, name)
            details = f"although used by {_named(users)}" if users else None
            await add_events(session, [change_event("connection.deleted", name, by)])
            await add_audit(session, by, "connection.deleted", "connection", name, details)
        self._hints.hint(EVENTS)

    def _row(
        self, name: str, conn_type: str, description: str | None, config: Mapping[str, Any]
    ) -> ConnectionRow:
        if self._vault.current_id is None:
            raise no_key("config")
        return ConnectionRow(name, conn_type, description, *sealed_config(self._vault, name, config))

    def _shown(self, row: Record) -> dict[str, Any]:
        shown = {
            key: row[key] for key in ("name", "conn_type", "description", "created_at", "updated_at", "jobs")
        }
        try:
            connection = opened(self._vault, row)
        except CannotUnseal as error:
            return {**shown, "config": {}, "unreadable": str(error)}
        return {**shown, "config": masked(connection.config, connection.model)}


def no_connection(name: str) -> NotFound:
    """What to say about a name that no connection has."""
    return NotFound(f"there is no connection '{name[:100]}'")


def _checked(config: Mapping[str, Any], conn_type: str) -> dict[str, Any]:
    """The configuration as it is stored. Raises InvalidInput."""
    model = CONFIGS[conn_type]
    if masks := unmeant_masks(config, model):
        why = "is the mask of a secret, not a value"
        raise InvalidInput(
            f"config.{masks[0]}: {why}", details=[FieldError(f"config.{one}", why) for one in masks]
        )
    try:
        given = model.model_validate(config).given()
    except ValidationError as error:
        found = invalid(error, config).details
        details = [FieldError(f"config.{one.field}".rstrip("."), one.reason) for one in found]
        raise InvalidInput(f"{details[0].field}: {details[0].reason}", details=details) from None
    if misplaced := inspect_config(conn_type, given)[1]:
        details = [FieldError(one.field, one.why) for one in misplaced]
        raise InvalidInput(f"{details[0].field}: {details[0].reason}", details=details)
    if len(dumps(given)) > MAX_CONFIG_BYTES:
        raise InvalidInput.field("config", f"must have at most {MAX_CONFIG_BYTES} bytes as JSON")
    return given


def _changes(
    row: Record, stored: dict[str, Any], conn_type: str, description: str | None, config: dict[str, Any]
) -> Changes:
    """Old and new value by field, without those of secrets."""
    changes: dict[str, tuple[Any, Any]] = {}
    if conn_type != row["conn_type"]:
        changes["conn_type"] = (row["conn_type"], conn_type)
    if description != row["description"]:
        changes["description"] = (row["description"], description)
    models = [model for one in (row["conn_type"], conn_type) if (model := CONFIGS.get(one)) is not None]
    secret = {name for model in models for name in model.secret_fields}
    for name in sorted({*stored, *config}):
        before, after = stored.get(name), config.get(name)
        if before != after:
            changes[f"config.{name}"] = (HIDDEN, HIDDEN) if name in secret else (before, after)
    return changes


async def _refuse_unfit_jobs(session: Session, name: str, conn_type: str) -> None:
    """Raises Conflict when tasks that name the connection have no use for one of this type."""
    jobs = await jobs_of_connection(session, name, _MOST_JOBS)
    unfit = [job for job in jobs if why_unfit(job["task"], conn_type) is not None]
    if unfit:
        raise Conflict(f"a connection of type '{conn_type}' does not fit {_named(unfit)}")


def _named(jobs: list[Record]) -> str:
    named = ", ".join(f"job '{job['name']}'" for job in jobs[:_MOST_NAMED])
    return f"{named} and others" if len(jobs) > _MOST_NAMED else named
