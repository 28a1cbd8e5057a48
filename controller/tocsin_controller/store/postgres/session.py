"""Statements on one connection, with the driver's errors translated."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol, TypeAlias, TypeVar

import asyncpg

from tocsin_controller.store.postgres.dial import Dialer
from tocsin_controller.store.postgres.outage import guarded
from tocsin_controller.store.statements import Statement
from tocsin_shared.errors import Unavailable

T = TypeVar("T")

Record: TypeAlias = asyncpg.Record
"""A row: `row["name"]`; immutable."""


#: Hot statements are planned once: with small batches planning took longer than running. A plan made while tables are
#: empty has to be right when they are full, so only paths that cost what the batch costs are left: index look-ups.
HOT_PLANS = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}


class Queries(Protocol):
    """What a store function needs: a Database (own connection each call), a Session or a HeldSession."""

    async def fetch(self, statement: Statement, *args: Any) -> list[Record]:
        """All rows."""

    async def fetchrow(self, statement: Statement, *args: Any) -> Record | None:
        """The first row, or None."""

    async def fetchval(self, statement: Statement, *args: Any) -> Any:
        """The first column of the first row, or None."""

    async def execute(self, statement: Statement, *args: Any) -> int:
        """How many rows were inserted, updated or deleted; zero is a guard's answer "not allowed"."""

    async def executemany(self, statement: Statement, rows: Iterable[Sequence[Any]]) -> None:
        """The statement once per row, pipelined, all or nothing."""


class Session:
    """One connection, for one task at a time. Raises Unavailable when it is lost, and drops it."""

    def __init__(self, connection: asyncpg.Connection, dialer: Dialer) -> None:
        self.connection = connection
        """asyncpg's own, for COPY and the like; its errors are not translated."""
        self._dialer = dialer

    async def fetch(self, statement: Statement, *args: Any) -> list[Record]:
        """All rows."""
        rows: list[Record] = await self._run((await self._open()).fetch, statement.sql, *args)
        return rows

    async def fetchrow(self, statement: Statement, *args: Any) -> Record | None:
        """The first row, or None."""
        return await self._run((await self._open()).fetchrow, statement.sql, *args)

    async def fetchval(self, statement: Statement, *args: Any) -> Any:
        """The first column of the first row, or None."""
        return await self._run((await self._open()).fetchval, statement.sql, *args)

    async def execute(self, statement: Statement, *args: Any) -> int:
        """How many rows were inserted, updated or deleted."""
        status: str = await self._run((await self._open()).execute, statement.sql, *args)
        count = status.rpartition(" ")[2]
        return int(count) if count.isdecimal() else 0

    async def executemany(self, statement: Statement, rows: Iterable[Sequence[Any]]) -> None:
        """The statement once per row, pipelined, all or nothing."""
        await self._run((await self._open()).executemany, statement.sql, rows)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["Session"]:
        """Commits when the block ends, rolls back when it raises. Inside another one it is a savepoint.

        Unavailable out of the commit itself leaves open whether it happened: repeat idempotently (G5).
        """
        connection = await self._open()
        transaction = connection.transaction()
        await self._run(transaction.start)
        try:
            yield Session(connection, self._dialer)
        except BaseException:
            with suppress(Unavailable):  # lost with its connection: the server rolls back
                await self._run(transaction.rollback)
            raise
        await self._run(transaction.commit)

    async def _open(self) -> asyncpg.Connection:
        return self.connection

    async def _run(self, call: Callable[..., Awaitable[T]], *args: Any) -> T:
        try:
            return await guarded(call, *args)
        except Unavailable as error:
            if isinstance(error.__cause__, TimeoutError):
                self._dialer.note_silence()
            # It may still look open: a silent peer, or a primary that became a standby. Never use it again.
            with suppress(asyncpg.InterfaceError):  # the pool has taken it back already
                self.connection.terminate()
            raise


class HeldSession(Session):
    """A dedicated connection of a hot loop: no pool release, statements planned once (see HOT_PLANS).

    A lost connection raises Unavailable once and is opened again by the next call; so is one to a server that
    was silent to somebody else.
    """

    def __init__(self, dialer: Dialer) -> None:
        super().__init__(None, dialer)
        self._silences = dialer.silences

    async def close(self) -> None:
        """Give the connection back to the server; never raises for a lost one."""
        if self.connection is not None:
            with suppress(Unavailable):
                await guarded(self.connection.close, timeout=2)

    async def _open(self) -> asyncpg.Connection:
        if self._is_suspect():
            self.connection.terminate()
        if self.connection is None or self.connection.is_closed():
            self.connection, self._silences = None, self._dialer.silences
            self.connection = await self._dialer.dial(
                plan_cache_mode="force_generic_plan",
                enable_seqscan="off",
                enable_hashjoin="off",
                enable_mergejoin="off",
            )
        return self.connection

    def _is_suspect(self) -> bool:
        """Whether the server of this connection fell silent since it was opened, to whoever asked it."""
        return (
            self.connection is not None
            and self._silences != self._dialer.silences
            and not self.connection.is_in_transaction()
        )
