"""What counts as "the database is away" (G10), and what does not."""

from typing import NoReturn

import asyncpg
import pytest

from tocsin_controller.store.postgres.outage import guarded, is_outage
from tocsin_shared.errors import Unavailable

OUTAGES = [
    asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
    asyncpg.CannotConnectNowError("the database system is starting up"),
    asyncpg.AdminShutdownError("terminating connection due to administrator command"),
    asyncpg.CrashShutdownError("terminating connection because of crash of another server process"),
    asyncpg.ReadOnlySQLTransactionError("cannot execute INSERT in a read-only transaction"),
    asyncpg.TooManyConnectionsError("sorry, too many clients already"),
    asyncpg.DiskFullError("could not extend file: No space left on device"),
    asyncpg.PostgresIOError("could not write block"),
    asyncpg.InterfaceError("connection is closed"),
    asyncpg.InterfaceError("cannot perform operation: connection is closed"),
    asyncpg.InterfaceError("cannot call Connection.fetch(): connection has been released back to the pool"),
    asyncpg.InternalClientError("cannot switch to state 15; another operation (2) is in progress"),
    asyncpg.TargetServerAttributeNotMatched("None of the hosts match"),
    ConnectionRefusedError(),
    TimeoutError(),
]
NO_OUTAGES = [
    asyncpg.UniqueViolationError("duplicate key"),
    asyncpg.QueryCanceledError("canceling statement due to statement timeout"),
    asyncpg.InterfaceError("cannot perform operation: another operation is in progress"),
    asyncpg.InvalidPasswordError("password authentication failed"),
    ValueError("wrong"),
]


@pytest.mark.parametrize("error", OUTAGES, ids=repr)
def test_lost_database_is_an_outage(error: Exception) -> None:
    assert is_outage(error)


@pytest.mark.parametrize("error", NO_OUTAGES, ids=repr)
def test_mistake_or_refusal_is_no_outage(error: Exception) -> None:
    assert not is_outage(error)


async def test_outage_becomes_unavailable_and_keeps_its_cause() -> None:
    async def fail() -> None:
        raise ConnectionResetError("peer")

    with pytest.raises(Unavailable) as caught:
        await guarded(fail)

    assert caught.value.retry_after_secs == 1
    assert isinstance(caught.value.__cause__, ConnectionResetError)


async def test_other_errors_pass_unchanged() -> None:
    async def fail() -> None:
        raise asyncpg.UniqueViolationError("duplicate key")

    with pytest.raises(asyncpg.UniqueViolationError):
        await guarded(fail)


async def test_driver_that_raises_before_there_is_anything_to_await_is_caught_too() -> None:
    def fail() -> NoReturn:
        raise asyncpg.InterfaceError(
            "cannot call Transaction.rollback(): the underlying connection is closed"
        )

    with pytest.raises(Unavailable):
        await guarded(fail)
