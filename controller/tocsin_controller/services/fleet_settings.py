"""Settings that people change while the fleet runs: which there are, what they may be, and changing them."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from tocsin_controller.security.auditing import HIDDEN, add_audit
from tocsin_controller.security.roles import Principal
from tocsin_controller.settings import ControllerSettings
from tocsin_controller.store.database import Database, Session
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.settings import (
    delete_settings,
    lock_settings,
    put_settings,
    stored_settings,
)
from tocsin_shared.errors import FieldError, Forbidden, InvalidInput

#: Shown instead of a secret; sent back, it leaves the secret as it is.
MASK: Final = "********"


@dataclass(frozen=True, slots=True)
class Known:
    """One setting."""

    #: Says what is wrong with a value; None: nothing.
    check: Callable[[str], str | None]
    #: Never shown, nor told to the audit log.
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
}


class FleetSettings:
    """Reads and changes them."""

    def __init__(
        self, db: Database, configured: ControllerSettings, known: Mapping[str, Known] = KNOWN
    ) -> None:
        self._db = db
        self._known = known
        self._configured = {
            key: str(getattr(configured, key)) for key in known if key in ControllerSettings.model_fields
        }

    async def read(self) -> dict[str, str]:
        """What holds, secrets masked."""
        return _masked({**self._configured, **await stored_settings(self._db)}, self._is_secret)

    async def read_in(self, session: Session, *, include_secrets: bool) -> dict[str, str]:
        """What was set, without what only the configuration says."""
        stored = await stored_settings(session)
        return stored if include_secrets else _masked(stored, self._is_secret)

    async def change(self, given: Mapping[str, str], by: Principal) -> None:
        """Sets all of these or none. An empty value means the configuration's again. Raises InvalidInput, Forbidden."""
        async with self._db.transaction() as session:
            await self.change_in(session, given, by)

    async def change_in(self, session: Session, given: Mapping[str, str], by: Principal) -> list[str]:
        """The same in the caller's transaction; which keys were changed."""
        self.check(given)
        self._check_rights(given, by)
        await lock_settings(session)
        stored = await stored_settings(session)
        changed = {key: value for key, value in given.items() if self._is_change(key, value, stored)}
        await put_settings(session, {key: value for key, value in changed.items() if value}, by.name)
        await delete_settings(session, [key for key, value in changed.items() if not value])
        if changed:
            before = {**self._configured, **stored}
            after = {**self._configured, **{key: value for key, value in changed.items() if value}}
            changes = {
                key: (HIDDEN, HIDDEN) if self._is_secret(key) else (before.get(key), after.get(key))
                for key in changed
            }
            await add_audit(session, by, "settings.updated", "settings", changes=changes)
            message = f"Settings were changed: {', '.join(sorted(changed))}"
            event = NewEvent("settings.updated", "info", message, api_key_id=by.key_id, api_key_name=by.name)
            await add_events(session, [event])
        return list(changed)

    def check(self, given: Mapping[str, str]) -> None:
        """Raises InvalidInput with everything that is wrong."""
        wrong: list[FieldError] = []
        for key, value in given.items():
            known = self._known.get(key)
            if known is None:
                wrong.append(
                    FieldError(key[:100], f"is not a known setting; there are {', '.join(self._known)}")
                )
            elif value and not (known.is_secret and value == MASK) and (why := known.check(value)):
                wrong.append(FieldError(key, why))
        if wrong:
            raise InvalidInput(f"{wrong[0].field}: {wrong[0].reason}", details=wrong)

    def _check_rights(self, given: Mapping[str, str], by: Principal) -> None:
        for key in given:
            if self._known[key].is_admins_own and not by.is_admin:
                raise Forbidden(f"only admins may change {key}")

    def _is_change(self, key: str, value: str, stored: Mapping[str, str]) -> bool:
        return value != stored.get(key, "") and not (self._is_secret(key) and value == MASK)

    def _is_secret(self, key: str) -> bool:
        known = self._known.get(key)
        return known is None or known.is_secret  # what another release has set is not shown either


def _masked(values: Mapping[str, str], is_secret: Callable[[str], bool]) -> dict[str, str]:
    return {key: MASK if is_secret(key) and value else value for key, value in values.items()}
