"""Values that output rules took, into variables: a secret stays one, and its value is told nowhere."""

from collections.abc import Mapping

from tocsin_controller.security.sealing import Vault, key_id_of
from tocsin_controller.store.database import Session
from tocsin_controller.store.sealed import VARIABLES
from tocsin_controller.store.variables import (
    VariableRow,
    add_variable,
    count_variables,
    lock_variable,
    update_variable,
)
from tocsin_shared.errors import InvalidInput
from tocsin_shared.variables import MOST_VARIABLES


class NotWritten(Exception):
    """The variable could not be written; the message says why, without the value."""


async def write_variables(
    session: Session, vault: Vault, values: Mapping[str, str], by: str
) -> tuple[set[str], dict[str, str]]:
    """Write these in the caller's transaction: which of them are secrets, and which could not be written and why."""
    secret: set[str] = set()
    refused: dict[str, str] = {}
    for name in sorted(values):  # one order, so that two results never wait for each other in a circle
        try:
            if await _write(session, vault, name, values[name], by):
                secret.add(name)
        except NotWritten as error:
            refused[name] = str(error)
            secret.add(name)  # nobody knows what it would have been
    return secret, refused


async def _write(session: Session, vault: Vault, name: str, value: str, by: str) -> bool:
    """Whether the variable is a secret. Raises NotWritten."""
    stored = await lock_variable(session, name)
    if stored is None:
        if await count_variables(session) >= MOST_VARIABLES:
            raise NotWritten(f"there are {MOST_VARIABLES} variables already, and no more are kept")
        if await add_variable(session, name, value, by):
            return False
        stored = await lock_variable(session, name)
        if stored is None:
            raise NotWritten("it was made and deleted in the same moment")
    if not stored["secret"]:
        if stored["value"] != value:
            await update_variable(session, VariableRow(name, value, None, None, stored["expires_at"]), by)
        return False
    try:
        sealed = vault.seal(value, VARIABLES.place(name))
    except InvalidInput:
        raise NotWritten("it is a secret, and this controller has no encryption key") from None
    row = VariableRow(name, None, sealed, key_id_of(sealed), stored["expires_at"])
    if not await update_variable(session, row, by):
        raise NotWritten("it is a secret, and this controller's encryption key was rotated out")
    return True
