"""Connections as they are used: opened, and with the values of variables in the place of references.

That happens at the moment of use, and nothing of it is stored.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError

from tocsin_controller.security.connection_configs import Opened, opened
from tocsin_controller.security.sealing import CannotUnseal, Vault
from tocsin_controller.security.values import CannotRead, Unfilled, Values
from tocsin_controller.store.connections import sealed_connections
from tocsin_controller.store.database import Queries, Record
from tocsin_controller.store.substitution import StoredValue, stored_values
from tocsin_controller.substitution.connections import InspectedConfig, fill_config, inspect_config
from tocsin_controller.substitution.references import CannotPlace
from tocsin_shared.connections.given import GivenConnection
from tocsin_shared.connections.secrets import secrets_in
from tocsin_shared.executions import Reason

#: Connections of one batch that are opened without leaving the event loop.
_FEW: Final = 20


@dataclass(frozen=True, slots=True)
class Given:
    """A connection that is ready, and the secrets in it."""

    connection: GivenConnection = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)


async def usable_connections(
    session: Queries, vault: Vault, names: Iterable[str]
) -> dict[str, Given | Unfilled]:
    """Each of these connections. They are read in one question, and the variables that they use in another."""
    wanted = sorted(set(names))
    rows = await sealed_connections(session, wanted)
    if len(wanted) <= _FEW:
        found = _open_all(vault, wanted, rows)
    else:
        found = await asyncio.to_thread(_open_all, vault, wanted, rows)
    uses = {
        name: inspect_config(one.conn_type, one.config)
        for name, one in found.items()
        if isinstance(one, Opened) and any("{{" in str(value) for value in one.config.values())
    }
    variables: dict[str, StoredValue] = {}
    if used := {variable for names, _ in uses.values() for variable in names}:
        variables = (await stored_values(session, used, ())).variables
    return {
        name: one if isinstance(one, Unfilled) else _filled(vault, one, uses.get(name), variables)
        for name, one in found.items()
    }


def _open_all(vault: Vault, names: Iterable[str], rows: Mapping[str, Record]) -> dict[str, Opened | Unfilled]:
    return {name: _open(vault, name, rows.get(name)) for name in names}


def _open(vault: Vault, name: str, row: Record | None) -> Opened | Unfilled:
    if row is None:
        return Unfilled(Reason.BAD_CONNECTION, f"there is no connection '{name}'")
    try:
        one = opened(vault, row)
        one.model.model_validate(one.config)
    except CannotUnseal as error:
        return Unfilled(Reason.BAD_CONNECTION, f"the connection '{name}' can't be read: {error}"[:1000])
    except ValidationError:  # its text shows values
        why = f"the connection '{name}' was stored by another release, and does not fit this one"
        return Unfilled(Reason.BAD_CONNECTION, why)
    return one


def _filled(
    vault: Vault, one: Opened, uses: InspectedConfig | None, variables: Mapping[str, StoredValue]
) -> Given | Unfilled:
    """`uses`: None for a configuration without references."""
    if uses is None:
        return _given(one, one.config, ())
    names, misplaced = uses
    where = f"the connection '{one.name}'"
    values = Values(vault, variables)
    if misplaced:
        return Unfilled(Reason.UNSAFE_VALUE, f"{misplaced[0].why}, in {where}"[:1000])
    if missing := values.missing(names):
        return Unfilled(Reason.UNRESOLVED_VARIABLE, f"no value for {', '.join(missing)} in {where}"[:1000])
    try:
        config = fill_config(one.conn_type, one.config, values.text)
        one.model.model_validate(config)
    except CannotPlace as error:
        return Unfilled(Reason.UNSAFE_VALUE, f"{error}, in {where}"[:1000])
    except CannotRead as error:
        return Unfilled(Reason.UNRESOLVED_VARIABLE, f"{error}, for {where}"[:1000])
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, e["loc"])) for e in error.errors(include_input=False))
        return Unfilled(Reason.UNSAFE_VALUE, f"with its values {where} does not fit: {fields}"[:1000])
    return _given(one, config, sorted(values.secrets))


def _given(one: Opened, config: dict[str, Any], used: Iterable[str]) -> Given:
    secrets = dict.fromkeys((*secrets_in(config, one.model), *used))
    return Given(GivenConnection(name=one.name, conn_type=one.conn_type, config=config), tuple(secrets))
