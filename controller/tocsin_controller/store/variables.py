"""Questions about variables. Secret values come here sealed only."""

from dataclasses import dataclass
from datetime import datetime

from tocsin_controller.store.database import Queries, Record, Session
from tocsin_controller.store.statements import sql

_LIST_VARIABLES = sql("list_variables")
_VARIABLE_BY_NAME = sql("variable_by_name")
_LOCK_VARIABLE = sql("lock_variable")
_COUNT_VARIABLES = sql("count_variables")
_INSERT_VARIABLE = sql("insert_variable")
_ADD_VARIABLE = sql("add_variable")
_UPDATE_VARIABLE = sql("update_variable")
_DELETE_VARIABLE = sql("delete_variable")


@dataclass(frozen=True, slots=True)
class VariableRow:
    """A variable to be written."""

    name: str
    #: Either this, or `sealed` and `key_id`.
    value: str | None
    sealed: bytes | None
    key_id: bytes | None
    expires_at: datetime | None


async def list_variables(db: Queries, *, after: str, search: str | None, limit: int) -> list[Record]:
    """Variables by name, those after this name."""
    return await db.fetch(_LIST_VARIABLES, after, search, limit)


async def variable_row(db: Queries, name: str) -> Record | None:
    """One variable, without what is sealed."""
    return await db.fetchrow(_VARIABLE_BY_NAME, name)


async def lock_variable(conn: Session, name: str) -> Record | None:
    """One variable with what is sealed; nobody else changes it until the transaction ends."""
    return await conn.fetchrow(_LOCK_VARIABLE, name)


async def count_variables(db: Queries) -> int:
    """How many there are."""
    found: int = await db.fetchval(_COUNT_VARIABLES)
    return found


async def insert_variable(conn: Session, row: VariableRow, by: str) -> bool:
    """Stores a new one; False when its value is sealed with a key that was retired. Raises UniqueViolationError."""
    return await conn.fetchval(_INSERT_VARIABLE, *_columns(row), by) is not None


async def add_variable(conn: Session, name: str, value: str, by: str) -> bool:
    """Stores one that is no secret; False when there is one of that name."""
    return await conn.fetchval(_ADD_VARIABLE, name, value, by) is not None


async def update_variable(conn: Session, row: VariableRow, by: str) -> bool:
    """Changes one that the caller has locked; False when its value is sealed with a key that was retired."""
    return await conn.fetchval(_UPDATE_VARIABLE, *_columns(row), by) is not None


async def delete_variable(conn: Session, name: str) -> bool:
    """Deletes one; False when there is none."""
    return await conn.fetchval(_DELETE_VARIABLE, name) is not None


def _columns(row: VariableRow) -> tuple[str | bytes | datetime | None, ...]:
    return row.name, row.value, row.sealed, row.key_id, row.expires_at
