"""Settings that people change while the fleet runs: which there are, what they may be, and changing them."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, SecretStr

from tocsin_controller.security.auditing import HIDDEN, add_audit
from tocsin_controller.security.roles import Principal
from tocsin_controller.security.sealing import CannotUnseal, Vault, retired_key
from tocsin_controller.services.document_settings import row_of, secret_fields, secret_row, whole_text
from tocsin_controller.settings import ControllerSettings
from tocsin_controller.store.database import Database, Record, Session
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.settings import (
    SettingRow,
    delete_settings,
    lock_settings,
    put_settings,
    setting_rows,
    stored_settings,
)
from tocsin_controller.workflow.notifying.channels import (
    CHANNELS,
    DEFAULTS,
    LIMITS,
    RECIPIENTS,
    SYSTEM_ALERTS,
)
from tocsin_shared.ai import AiProvider, is_base_url, is_key, is_word
from tocsin_shared.errors import Conflict, FieldError, Forbidden, InvalidInput
from tocsin_shared.masks import MASK
from tocsin_shared.notifications import NotificationLimits, Recipients, SystemAlerts, Told


@dataclass(frozen=True, slots=True)
class Known:
    """One setting."""

    #: Says what is wrong with a value; None: nothing.
    check: Callable[[str], str | None] = lambda _: None
    #: What it is, if it is a JSON document.
    model: type[BaseModel] | None = None
    #: It is never shown, and encrypted.
    is_secret: bool = False
    #: Operators may not change it.
    is_admins_own: bool = False


def _days(most: int) -> Callable[[str], str | None]:
    def check(value: str) -> str | None:
        if value.isascii() and value.isdigit() and len(value) <= len(str(most)) and int(value) <= most:
            return None
        return f"must be a whole number of days from 0 to {most}; 0 keeps everything"

    return check


def _is_true(value: str) -> str | None:
    return None if value == "true" else "must be true, or empty"


def _is_object(value: str) -> str | None:
    try:
        return None if isinstance(json.loads(value), dict) else "must be a JSON object"
    except (ValueError, RecursionError):
        return "must be a JSON object"


def _unless_refused(read: Callable[[str], object]) -> Callable[[str], str | None]:
    def check(value: str) -> str | None:
        try:
            read(value)
        except ValueError as error:
            return str(error)
        return None

    return check


def _is_provider(value: str) -> str | None:
    return None if value in set(AiProvider) else f"must be one of {', '.join(AiProvider)}"


#: Another key is refused: a typo must not look as if it had been set. The configuration has settings of these names
#: too, which hold where nothing was set.
KNOWN: Final[Mapping[str, Known]] = {
    "retention_days": Known(_days(3_650)),
    # Whoever can be found in the audit log must not decide how long that is kept.
    "audit_retention_days": Known(_days(36_500), is_admins_own=True),
    # Dkron's clients can't make or change jobs.
    "dkron_paused": Known(_is_true),
    # Its policies are changed at `/v1/acl/policies` alone, where they are checked.
    "dkron_acl_policies": Known(_is_object, is_admins_own=True),
    # Whoever may say where a channel leads gets what goes through it, its password included.
    **{key: Known(model=model, is_admins_own=True) for key, model in CHANNELS.items()},
    RECIPIENTS: Known(model=Recipients),
    DEFAULTS: Known(model=Told),
    SYSTEM_ALERTS: Known(model=SystemAlerts),
    LIMITS: Known(model=NotificationLimits, is_admins_own=True),
    # Whoever may say where the provider is gets its key.
    "ai_api_key": Known(_unless_refused(is_key), is_secret=True, is_admins_own=True),
    "ai_provider": Known(_is_provider, is_admins_own=True),
    "ai_model": Known(_unless_refused(is_word), is_admins_own=True),
    "ai_base_url": Known(_unless_refused(is_base_url), is_admins_own=True),
    "ai_api_version": Known(_unless_refused(is_word), is_admins_own=True),
}


class FleetSettings:
    """Reads and changes them."""

    def __init__(
        self,
        db: Database,
        configured: ControllerSettings,
        vault: Vault,
        known: Mapping[str, Known] = KNOWN,
    ) -> None:
        self._db = db
        self._vault = vault
        self._known = known
        self._configured = {
            key: MASK if isinstance(value, SecretStr) else str(value)
            for key in known
            if (value := getattr(configured, key, None)) is not None
        }

    async def read(self) -> dict[str, str]:
        """What holds, secrets masked."""
        return {**self._configured, **self._shown(await stored_settings(self._db))}

    async def read_in(self, session: Session, *, include_secrets: bool) -> dict[str, str]:
        """What was set, without what only the configuration says. Raises Conflict for a secret that can't be read."""
        if not include_secrets:
            return self._shown(await stored_settings(session))
        rows = await setting_rows(session)
        try:
            return {key: whole_text(self._vault, key, row) for key, row in rows.items()}
        except CannotUnseal as error:
            raise Conflict(f"a setting can't be read: {error}") from None

    async def change(self, given: Mapping[str, str], by: Principal) -> None:
        """Sets all of these or none. An empty value means the configuration's again. Raises InvalidInput, Forbidden."""
        async with self._db.transaction() as session:
            await self.change_in(session, given, by)

    async def change_in(self, session: Session, given: Mapping[str, str], by: Principal) -> list[str]:
        """The same in the caller's transaction; which keys were changed."""
        self._check_known(given)
        self._check_rights(given, by)
        await lock_settings(session)
        stored = await setting_rows(session)
        fresh = self._checked(given, stored)
        changed = {key: row for key, row in fresh.items() if self._is_change(key, row, stored.get(key))}
        if not await put_settings(session, [row for row in changed.values() if row], by.name):
            raise retired_key()
        await delete_settings(session, [key for key, row in changed.items() if row is None])
        if changed:
            changes = {key: self._told(key, row, stored.get(key)) for key, row in changed.items()}
            await add_audit(session, by, "settings.updated", "settings", changes=changes)
            message = f"Settings were changed: {', '.join(sorted(changed))}"
            event = NewEvent("settings.updated", "info", message, api_key_id=by.key_id, api_key_name=by.name)
            await add_events(session, [event])
        return list(changed)

    def _checked(
        self, given: Mapping[str, str], stored: Mapping[str, Record]
    ) -> dict[str, SettingRow | None]:
        """What is to be stored; None: nothing. Raises InvalidInput with everything that is wrong."""
        wrong: list[FieldError] = []
        rows: dict[str, SettingRow | None] = {}
        for key, value in given.items():
            known = self._known[key]
            if not value:
                rows[key] = None
            elif known.is_secret and value == MASK:
                if key in stored:
                    continue  # it stays as it is
                if key not in self._configured:
                    wrong.append(FieldError(key, "is the mask of a secret, not a value"))
            elif known.model is not None:
                try:
                    rows[key] = row_of(self._vault, key, known.model, value, stored.get(key))
                except InvalidInput as error:
                    wrong += error.details
            elif why := known.check(value):
                wrong.append(FieldError(key, why))
            elif known.is_secret:
                try:
                    rows[key] = secret_row(self._vault, key, value)
                except InvalidInput as error:
                    wrong += error.details
            else:
                rows[key] = SettingRow(key, value)
        _refuse(wrong)
        return rows

    def _check_known(self, given: Mapping[str, str]) -> None:
        _refuse(
            [
                FieldError(key[:100], f"is not a known setting; there are {', '.join(self._known)}")
                for key in given
                if key not in self._known
            ]
        )

    def _check_rights(self, given: Mapping[str, str], by: Principal) -> None:
        for key in given:
            if self._known[key].is_admins_own and not by.is_admin:
                raise Forbidden(f"only admins may change {key}")

    def _is_change(self, key: str, row: SettingRow | None, stored: Record | None) -> bool:
        if row is None or stored is None:
            return (row is None) != (stored is None)
        if row.sealed is None or stored["sealed"] is None:
            return (row.value, row.sealed) != (stored["value"], stored["sealed"])
        try:
            before = whole_text(self._vault, key, stored)
        except CannotUnseal:
            return True
        return before != whole_text(self._vault, key, {"value": row.value, "sealed": row.sealed})

    def _told(self, key: str, row: SettingRow | None, stored: Record | None) -> tuple[str | None, str | None]:
        """Before and after, for the audit log."""
        known = self._known[key]
        if known.is_secret or (known.model is not None and secret_fields(known.model)):
            return HIDDEN, HIDDEN
        before = stored["value"] if stored is not None else self._configured.get(key)
        return before, row.value if row is not None else self._configured.get(key)

    def _shown(self, values: Mapping[str, str]) -> dict[str, str]:
        """What another release has set is not shown: it may be a secret."""
        return {key: value if key in self._known else MASK for key, value in values.items()}


def _refuse(wrong: list[FieldError]) -> None:
    if wrong:
        raise InvalidInput(f"{wrong[0].field}: {wrong[0].reason}", details=wrong)
