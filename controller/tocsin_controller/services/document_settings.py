"""Settings with secrets: JSON documents, checked by a model and shown without them, and those that are one secret."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from tocsin_controller.security.sealing import CannotUnseal, Vault, key_id_of, no_key
from tocsin_controller.services.findings import invalid
from tocsin_controller.store.database import Record
from tocsin_controller.store.sealed import SETTINGS
from tocsin_controller.store.settings import SettingRow
from tocsin_shared.errors import FieldError, InvalidInput
from tocsin_shared.masks import MASK
from tocsin_shared.wire import dumps, loads


def row_of(vault: Vault, key: str, model: type[BaseModel], sent: str, stored: Record | None) -> SettingRow:
    """What is stored for a document: a mask in it keeps the secret that was there. Raises InvalidInput."""
    try:
        document = loads(sent)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise InvalidInput.field(key, "must be a JSON object")
    try:
        whole = _unmasked(document, _known(vault, key, stored))
        where = _mask_in(whole)
    except RecursionError:
        raise InvalidInput.field(key, "is nested too deeply") from None
    if where is not None:
        raise InvalidInput.field(f"{key}.{where}", "is the mask of a secret, not a value")
    try:
        given = model.model_validate(whole).model_dump(mode="json", by_alias=True, exclude_unset=True)
    except ValidationError as error:
        found = invalid(error, whole).details
        details = [FieldError(f"{key}.{one.field}".rstrip("."), one.reason) for one in found]
        raise InvalidInput(f"{details[0].field}: {details[0].reason}", details=details) from None
    text = dumps(given).decode()
    shown = dumps(_masked(given, secret_fields(model))).decode()
    if shown == text:
        return SettingRow(key, text)
    if vault.current_id is None:
        raise no_key(key)
    sealed = vault.seal(text, SETTINGS.place(key))
    return SettingRow(key, shown, sealed, key_id_of(sealed))


def secret_row(vault: Vault, key: str, value: str) -> SettingRow:
    """What is stored for a setting that is a secret. Raises InvalidInput."""
    if vault.current_id is None:
        raise no_key(key)
    sealed = vault.seal(value, SETTINGS.place(key))
    return SettingRow(key, MASK, sealed, key_id_of(sealed))


def whole_text(vault: Vault, key: str, row: Record) -> str:
    """All of a stored setting. Raises CannotUnseal."""
    return (
        vault.unseal(row["sealed"], SETTINGS.place(key)) if row["sealed"] is not None else str(row["value"])
    )


def secret_fields(model: type[BaseModel]) -> frozenset[str]:
    """Those that are never shown."""
    fields: frozenset[str] = getattr(model, "secret_fields", frozenset())
    return fields


def _known(vault: Vault, key: str, stored: Record | None) -> dict[str, Any]:
    """What was set before. What can't be read can only be said anew."""
    if stored is None:
        return {}
    try:
        known = loads(whole_text(vault, key, stored))
    except (CannotUnseal, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _masked(document: Mapping[str, Any], secret: frozenset[str]) -> dict[str, Any]:
    return {
        name: (dict.fromkeys(value, MASK) if isinstance(value, dict) else MASK)
        if name in secret and value
        else value
        for name, value in document.items()
    }


def _unmasked(sent: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, value in sent.items():
        before = known.get(name)
        if isinstance(value, dict):
            result[name] = _unmasked(value, before if isinstance(before, dict) else {})
        else:
            result[name] = before if value == MASK and before else value
    return result


def _mask_in(document: Mapping[str, Any]) -> str | None:
    for name, value in document.items():
        if value == MASK:
            return name
        if isinstance(value, dict) and (inner := _mask_in(value)) is not None:
            return f"{name}.{inner}"
    return None
