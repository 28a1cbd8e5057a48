"""Whole tables in and out, as streams: for backup and restore, which alone may do this."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Final

import asyncpg

from tocsin_controller.store.postgres.dial import Dialer, SessionSettings
from tocsin_controller.store.postgres.session import Session
from tocsin_controller.store.statements import sql

_TABLE_COLUMNS = sql("table_columns")
_TABLE_REFERENCES = sql("table_references")
_PARTITION_BOUNDS = sql("partition_bounds")
_APPLIED_MIGRATIONS = sql("applied_migrations")
_CONTINUE_QUEUE = sql("continue_queue")
_LOCK_MAINTENANCE_OUT = sql("lock_maintenance_out")

#: What may stand in a statement that is put together here.
_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_BOUNDS: Final = re.compile(r"FOR VALUES FROM \('[0-9a-f-]{36}'\) TO \('[0-9a-f-]{36}'\)")


@dataclass(frozen=True, slots=True)
class Table:
    """A table and the columns that are copied, in order."""

    name: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Partition:
    """A part of a table, for some range of ids."""

    parent: str
    name: str
    bounds: str


@dataclass(frozen=True, slots=True)
class Applied:
    """A migration that a database has had."""

    version: int
    name: str
    checksum: str


@asynccontextmanager
async def patient_session(dsn: str) -> AsyncIterator[Session]:
    """A connection without any time limit. Raises Unavailable."""
    settings = SessionSettings("tocsin-backup", statement_timeout_secs=0, lock_timeout_secs=0)
    dialer = Dialer(dsn, settings)
    connection = await dialer.dial(idle_in_transaction_session_timeout="0")
    try:
        yield Session(connection, dialer)
    finally:
        await connection.close()


async def tables(session: Session) -> list[Table]:
    """Everything that holds state, by name."""
    return [Table(row["name"], tuple(row["columns"])) for row in await session.fetch(_TABLE_COLUMNS)]


async def partitions(session: Session) -> list[Partition]:
    """The parts of all tables that have any."""
    return [Partition(**row) for row in await session.fetch(_PARTITION_BOUNDS)]


async def applied_migrations(session: Session) -> list[Applied]:
    """Which migrations the database has had, in order. None when it has no schema."""
    try:
        return [Applied(**row) for row in await session.fetch(_APPLIED_MIGRATIONS)]
    except asyncpg.UndefinedTableError:
        return []


async def count_rows(session: Session, table: Table) -> int:
    """How many rows a table has."""
    count: int = await session.connection.fetchval(f"SELECT count(*) FROM {_named(table.name)}")  # noqa: S608  quoted
    return count


async def copy_out(session: Session, table: Table, write: Callable[[bytes], Awaitable[None]]) -> int:
    """Stream a table in PostgreSQL's binary format; how many rows."""
    question = f"SELECT {_list(table.columns)} FROM {_named(table.name)}"  # noqa: S608  quoted
    done: str = await session.connection.copy_from_query(question, output=write, format="binary")
    return int(done.rpartition(" ")[2])


async def copy_in(session: Session, table: Table, data: AsyncIterator[bytes]) -> int:
    """Append a stream of `copy_out` to a table; how many rows."""
    for name in (table.name, *table.columns):
        _named(name)
    done: str = await session.connection.copy_to_table(
        table.name, source=data, columns=list(table.columns), format="binary"
    )
    return int(done.rpartition(" ")[2])


async def drop_all(session: Session, names: Sequence[str]) -> None:
    """Remove tables with everything in them."""
    for name in [*names, "schema_migrations"]:
        await session.connection.execute(f"DROP TABLE IF EXISTS {_named(name)} CASCADE")


async def empty(session: Session, names: Sequence[str]) -> None:
    """Remove the rows that migrations put there, of all these tables at once: some refer to others."""
    if names:
        await session.connection.execute(f"TRUNCATE {_list(names)}")


async def filling_order(session: Session) -> list[str]:
    """Every table after those that its rows refer to."""
    references = await session.fetch(_TABLE_REFERENCES)
    graph: dict[str, set[str]] = {table.name: set() for table in await tables(session)}
    for row in references:
        graph.setdefault(row["child"], set()).add(row["parent"])
    return list(TopologicalSorter(graph).static_order())


async def create_partition(session: Session, partition: Partition) -> None:
    """A part as it was, where there is none of that name."""
    if not _BOUNDS.fullmatch(partition.bounds):
        raise ValueError(f"these are no bounds of a partition: {partition.bounds[:100]}")
    await session.connection.execute(
        f"CREATE TABLE IF NOT EXISTS {_named(partition.name)} "
        f"PARTITION OF {_named(partition.parent)} {partition.bounds}"
    )


async def hold_off_maintenance(session: Session) -> None:
    """As long as this connection is open."""
    await session.fetchval(_LOCK_MAINTENANCE_OUT)


async def continue_queue(session: Session) -> None:
    """New work goes behind what was copied in."""
    await session.fetchval(_CONTINUE_QUEUE)


def _named(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"this is no name of a table or column: {name[:100]}")
    return f'"{name}"'


def _list(names: Sequence[str]) -> str:
    return ", ".join(_named(name) for name in names)
