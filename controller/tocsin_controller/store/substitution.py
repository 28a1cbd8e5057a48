"""The question that is asked before tasks are filled with values."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from tocsin_controller.store.database import Queries
from tocsin_controller.store.statements import sql

_SUBSTITUTION_VALUES = sql("substitution_values")


@dataclass(frozen=True, slots=True)
class StoredValue:
    """A variable's value: its text, or ciphertext."""

    text: str | None = field(repr=False)
    sealed: bytes | None = field(repr=False)
    is_expired: bool


@dataclass(frozen=True, slots=True)
class StoredValues:
    """What was found."""

    variables: dict[str, StoredValue]
    #: By run; runs without params are not here.
    params: dict[UUID, dict[str, Any]]


async def stored_values(session: Queries, names: Iterable[str], run_ids: Iterable[UUID]) -> StoredValues:
    """Variables by name and params by run, in one question."""
    runs = sorted(set(run_ids))
    rows = await session.fetch(_SUBSTITUTION_VALUES, sorted(set(names)), runs, runs[0] if runs else None)
    found = StoredValues({}, {})
    for row in rows:
        if row["run_id"] is not None:
            found.params[row["run_id"]] = row["params"]
        else:
            found.variables[row["name"]] = StoredValue(row["value"], row["sealed"], row["is_expired"])
    return found
