"""PostgreSQL as the rest of the controller sees it: statements in, rows out, one error when it is away (G10).

Three ways to a connection: the pool (requests, services), `hold` (hot loops), `listen` (hints).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NoReturn

import asyncpg

from tocsin_controller.store.epoch import EpochGuard
from tocsin_controller.store.postgres.dial import Dialer, SessionSettings
from tocsin_controller.store.postgres.listener import OnHint, listen
from tocsin_controller.store.postgres.outage import guarded
from tocsin_controller.store.postgres.session import HeldSession, Queries, Record, Session
from tocsin_controller.store.statements import Statement
from tocsin_shared.errors import Unavailable
from tocsin_shared.logs import log

__all__ = ["Database", "HeldSession", "OnHint", "Queries", "Record", "Session"]

#: A connection that does not become usable again by then is dropped.
RELEASE_SECS = 2.0


class Database:
    """A pool of connections to one database; every call takes one, uses it and gives it back.

    A database that is away is always `Unavailable`, and the pool heals by itself once it is back.
    Session state (SET, LISTEN, session advisory locks) is not reset between users: nobody may leave any.
    """

    def __init__(
        self, dialer: Dialer, pool: asyncpg.Pool, epochs: EpochGuard, acquire_timeout_secs: float
    ) -> None:
        self._dialer = dialer
        self.epochs = epochs
        """Every new connection is examined by it, so no call reaches a server of an older epoch."""
        self._pool = pool
        self._acquire_timeout_secs = acquire_timeout_secs
        self._expired_at = float("-inf")
        self._silences = 0

    @classmethod
    async def open(
        cls,
        dsn: str,
        *,
        application_name: str,
        min_size: int = 1,
        max_size: int = 10,
        statement_timeout_secs: float = 30.0,
        lock_timeout_secs: float = 5.0,
        connect_timeout_secs: float = 3.0,
        acquire_timeout_secs: float = 10.0,
    ) -> "Database":
        """Connect `min_size` times, so a wrong DSN shows here; with 0 it never raises Unavailable."""
        settings = SessionSettings(
            application_name, statement_timeout_secs, lock_timeout_secs, connect_timeout_secs
        )
        epochs = EpochGuard()
        dialer = Dialer(dsn, settings, epochs.examine)

        async def connect(*_: object, **__: object) -> asyncpg.Connection:
            return await dialer.dial_untranslated()

        # min_size=0: asyncpg's own upkeep of a floor logs a traceback per attempt while the server is away.
        pool = asyncpg.create_pool(min_size=0, max_size=max_size, connect=connect, reset=_keep_session)
        database = cls(dialer, await pool, epochs, acquire_timeout_secs)
        try:
            await database._warm_up(min_size)
        except BaseException:
            pool.terminate()
            raise
        return database

    async def close(self, *, timeout_secs: float = 5.0) -> None:
        """Wait for users of connections to finish, at most this long, then close all."""
        try:
            async with asyncio.timeout(timeout_secs):
                await self._pool.close()  # terminates by itself when it fails or is cancelled
        except TimeoutError:
            log.warning("database_close_timed_out", timeout_secs=timeout_secs)

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Session]:
        """One connection for several statements that need not be atomic."""
        if self._silences != self._dialer.silences:
            self._silences = self._dialer.silences
            await self._pool.expire_connections()
        connection = await guarded(self._pool.acquire, timeout=self._acquire_timeout_secs)
        try:
            yield Session(connection, self._dialer)
        except Unavailable:
            await self._replace_connections()
            raise
        finally:
            try:
                # After a statement that was given up, the server has to say that it stopped: a frozen one never does.
                await guarded(self._pool.release, connection, timeout=RELEASE_SECS)
            except Unavailable as error:  # the work is done; only the connection is lost
                if isinstance(error.__cause__, TimeoutError):
                    self._dialer.note_silence()
                await self._replace_connections()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        """One connection, all or nothing; see `Session.transaction`."""
        async with self.acquire() as session, session.transaction():
            yield session

    @asynccontextmanager
    async def hold(self, *, statement_timeout_secs: float | None = None) -> AsyncIterator[HeldSession]:
        """A dedicated connection outside the pool for one loop, opened at its first call.

        With a time limit of its own for statements that take longer than those of requests may.
        """
        dialer = self._dialer
        held = HeldSession(
            dialer if statement_timeout_secs is None else dialer.patient(statement_timeout_secs)
        )
        try:
            yield held
        finally:
            await held.close()

    async def listen(self, channel: str, callback: OnHint) -> NoReturn:
        """Hand notifications to the callback until cancelled; with None: (re)connected, look for yourself."""
        await listen(self._dialer, channel, callback)

    async def fetch(self, statement: Statement, *args: Any) -> list[Record]:
        """All rows."""
        async with self.acquire() as session:
            return await session.fetch(statement, *args)

    async def fetchrow(self, statement: Statement, *args: Any) -> Record | None:
        """The first row, or None."""
        async with self.acquire() as session:
            return await session.fetchrow(statement, *args)

    async def fetchval(self, statement: Statement, *args: Any) -> Any:
        """The first column of the first row, or None."""
        async with self.acquire() as session:
            return await session.fetchval(statement, *args)

    async def execute(self, statement: Statement, *args: Any) -> int:
        """How many rows were inserted, updated or deleted."""
        async with self.acquire() as session:
            return await session.execute(statement, *args)

    async def executemany(self, statement: Statement, rows: Iterable[Sequence[Any]]) -> None:
        """The statement once per row, pipelined, all or nothing."""
        async with self.acquire() as session:
            await session.executemany(statement, rows)

    async def _warm_up(self, size: int) -> None:
        if size > 0:
            async with self.acquire():
                await self._warm_up(size - 1)

    async def _replace_connections(self) -> None:
        """The siblings of a lost connection led to the same server: have each opened anew at its next use."""
        now = time.monotonic()
        if now - self._expired_at > 1:  # not again for every task that fails in the same outage
            self._expired_at = now
            await self._pool.expire_connections()


async def _keep_session(_connection: asyncpg.Connection) -> None:
    """Instead of asyncpg's RESET ALL and friends, a round trip per release; open transactions still end."""
