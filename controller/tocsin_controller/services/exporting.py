"""Everything that people made, as one document that another installation can take in."""

from collections.abc import AsyncIterator
from datetime import UTC
from typing import Any, Final

from tocsin_controller.security.auditing import add_audit
from tocsin_controller.security.connection_configs import opened
from tocsin_controller.security.roles import Principal
from tocsin_controller.security.sealing import CannotUnseal, Vault
from tocsin_controller.services.fleet_settings import FleetSettings
from tocsin_controller.services.importing.settings import schedules_as_settings
from tocsin_controller.services.show import show_agent, show_definition
from tocsin_controller.store.calendars import calendars_shown
from tocsin_controller.store.database import Database, Record
from tocsin_controller.store.groups import group_names
from tocsin_controller.store.jobs import read_clock
from tocsin_controller.store.keys import StoredKey, list_keys
from tocsin_controller.store.moving import every_connection, every_job, every_variable, see_one_moment
from tocsin_controller.store.roster import list_agents
from tocsin_controller.store.scripts import every_script
from tocsin_controller.store.sealed import VARIABLES
from tocsin_controller.store.templates import list_templates
from tocsin_shared.errors import Conflict
from tocsin_shared.jobs import DEFAULT_GROUP
from tocsin_shared.masks import MASK
from tocsin_shared.wire import dumps

EXPORT_VERSION: Final = 2
#: More than this is a matter for a backup: what is exported can be imported again in one request.
MOST_JOBS: Final = 10_000
MOST_BYTES: Final = 32 * 1024 * 1024


class Exporter:
    """Takes everything out."""

    def __init__(self, db: Database, vault: Vault, settings: FleetSettings) -> None:
        self._db = db
        self._vault = vault
        self._settings = settings

    async def export(self, by: Principal, *, include_secrets: bool) -> dict[str, Any]:
        """All of one moment. Raises Conflict when it is too much, or a secret can't be read."""
        async with self._db.transaction() as session:
            await see_one_moment(session)
            room = _Room()
            document: dict[str, Any] = {
                "export_version": EXPORT_VERSION,
                "exported_at": (await read_clock(session)).astimezone(UTC).isoformat(),
                "jobs": await room.bounded(_job(row) async for row in every_job(session)),
                "variables": await room.bounded(
                    self._variable(row, include_secrets) async for row in every_variable(session)
                ),
                "scripts": await room.bounded(_script(row) async for row in every_script(session)),
                "templates": [_template(row) for row in await list_templates(session)],
                "calendars": [_calendar(row) for row in await calendars_shown(session)],
                "agents": [show_agent(row) for row in await list_agents(session)],
                "groups": sorted({DEFAULT_GROUP, *await group_names(session)}),
                "settings": await self._settings.read_in(session, include_secrets=include_secrets)
                | await schedules_as_settings(session),
            }
            if include_secrets:
                document["connections"] = await room.bounded(
                    self._connection(row) async for row in every_connection(session)
                )
                document["api_keys"] = [_key(key) for key in await list_keys(session)]
            details = "with secrets" if include_secrets else "without secrets"
            await add_audit(session, by, "data.exported", "data", details=details)
        return document

    def _variable(self, row: Record, include_secrets: bool) -> dict[str, Any]:
        name, sealed = row["name"], row["sealed"]
        value = row["value"]
        if sealed is not None:
            value = self._unseal(name, sealed) if include_secrets else MASK
        return {
            "name": name,
            "value": value,
            "secret": sealed is not None,
            "expires_at": row["expires_at"],
            "updated_at": row["updated_at"],
        }

    def _connection(self, row: Record) -> dict[str, Any]:
        try:
            connection = opened(self._vault, row)
        except CannotUnseal as error:
            raise Conflict(f"the connection '{row['name']}' can't be read: {error}") from None
        shown = {key: row[key] for key in ("name", "conn_type", "description", "created_at", "updated_at")}
        return {**shown, "config": connection.config}

    def _unseal(self, name: str, sealed: bytes) -> str:
        try:
            return self._vault.unseal(sealed, VARIABLES.place(name))
        except CannotUnseal as error:
            raise Conflict(f"the secret variable '{name}' can't be read: {error}") from None


class _Room:
    """How much may still be exported."""

    def __init__(self) -> None:
        self._left = MOST_BYTES

    async def bounded(self, rows: AsyncIterator[dict[str, Any]]) -> list[dict[str, Any]]:
        """These rows. Raises Conflict when they are too many or too long."""
        kept: list[dict[str, Any]] = []
        async for row in rows:
            self._left -= len(dumps(row))
            kept.append(row)
            if self._left < 0 or len(kept) > MOST_JOBS:
                raise Conflict(
                    f"there are more than {MOST_JOBS} jobs or {MOST_BYTES // 2**20} MiB, which one import can't take "
                    "in; use tocsin-controller backup"
                )
        return kept


def _job(row: Record) -> dict[str, Any]:
    names = ("id", "status", "version", "created_by", "created_at", "updated_at")
    return {**show_definition(row["definition"]), **{name: row[name] for name in names}}


def _template(row: Record) -> dict[str, Any]:
    return {name: row[name] for name in ("name", "description", "snapshot", "created_by", "created_at")}


def _script(row: Record) -> dict[str, Any]:
    shown = {name: row[name] for name in ("name", "script_type", "code")}
    return {**shown, "modified": row["updated_at"].astimezone(UTC).isoformat()}


def _calendar(row: Record) -> dict[str, Any]:
    return {"name": row["name"], **row["definition"]}


def _key(key: StoredKey) -> dict[str, Any]:
    shown = {
        name: getattr(key, name) for name in ("name", "role", "scopes", "active", "expires_at", "created_at")
    }
    return {**shown, "allowed_groups": None, "ip_allowlist": None}
