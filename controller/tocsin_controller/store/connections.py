"""Questions about connections. Their configurations come here sealed only."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from tocsin_controller.store.database import Queries, Record, Session
from tocsin_controller.store.statements import sql

_LIST = sql("list_connections")
_LOCK = sql("lock_connection")
_SHARE = sql("share_connection")
_COUNT = sql("count_connections")
_INSERT = sql("insert_connection")
_UPDATE = sql("update_connection")
_DELETE = sql("delete_connection")
_SEALED = sql("connections_sealed")
_KNOWN = sql("connections_known")
_JOBS = sql("jobs_of_connection")
_SET_OF_JOB = sql("set_job_connection")
_DROP_OF_JOB = sql("drop_job_connection")


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    """A connection to be written."""

    name: str
    conn_type: str
    description: str | None
    sealed: bytes
    key_id: bytes


async def list_connections(
    db: Queries, *, after: str = "", search: str | None = None, limit: int
) -> list[Record]:
    """Connections by name, those after this name, with what is sealed and the jobs that name them."""
    return await db.fetch(_LIST, after, search, limit, None)


async def connection_row(db: Queries, name: str) -> Record | None:
    """One connection, with what is sealed and the jobs that name it."""
    return await db.fetchrow(_LIST, "", None, 1, name)


async def lock_connection(conn: Session, name: str) -> Record | None:
    """One connection with what is sealed; nobody else changes it or begins to use it until the transaction ends."""
    return await conn.fetchrow(_LOCK, name)


async def share_connection(conn: Session, name: str) -> str | None:
    """Its type, which nobody changes until the transaction ends; None when there is none of that name."""
    conn_type: str | None = await conn.fetchval(_SHARE, name)
    return conn_type


async def count_connections(db: Queries) -> int:
    """How many there are."""
    found: int = await db.fetchval(_COUNT)
    return found


async def insert_connection(conn: Session, row: ConnectionRow, by: str) -> bool:
    """Stores a new one; False when it is sealed with a key that was retired. Raises UniqueViolationError."""
    return await conn.fetchval(_INSERT, *_columns(row), by) is not None


async def update_connection(conn: Session, row: ConnectionRow, by: str) -> bool:
    """Changes one that the caller has locked; False when it is sealed with a key that was retired."""
    return await conn.fetchval(_UPDATE, *_columns(row), by) is not None


async def delete_connection(conn: Session, name: str) -> None:
    """Deletes one that the caller has locked."""
    await conn.execute(_DELETE, name)


async def sealed_connections(db: Queries, names: Iterable[str]) -> dict[str, Record]:
    """Those of these connections that exist, with type and what is sealed."""
    return {row["name"]: row for row in await db.fetch(_SEALED, sorted(set(names)))}


async def known_connections(db: Queries, names: Sequence[str]) -> set[str]:
    """Which of these names are taken."""
    return {row["name"] for row in await db.fetch(_KNOWN, list(names))}


async def jobs_of_connection(db: Queries, name: str, limit: int) -> list[Record]:
    """Jobs whose task names it: id, name, task."""
    return await db.fetch(_JOBS, name, limit)


async def set_job_connection(conn: Session, job_id: UUID, name: str | None) -> None:
    """The connection that a job's task names from now on."""
    if name is None:
        await conn.execute(_DROP_OF_JOB, job_id)
    else:
        await conn.execute(_SET_OF_JOB, job_id, name)


def _columns(row: ConnectionRow) -> tuple[str | bytes | None, ...]:
    return row.name, row.conn_type, row.description, row.sealed, row.key_id
