"""The one border where the driver's many ways of losing the database become `Unavailable` (G10).

Only what says "the database can't be reached, or can't be written right now" is translated. A constraint,
a syntax error or a statement that took too long on the server is not an outage and passes unchanged.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import asyncpg

from tocsin_shared.errors import Unavailable

T = TypeVar("T")

RETRY_AFTER_SECS: Final = 1.0

_OUTAGES: Final = (
    asyncpg.PostgresConnectionError,  # class 08, also ConnectionDoesNotExistError
    asyncpg.CannotConnectNowError,  # 57P03: starting up, shutting down, in recovery
    asyncpg.AdminShutdownError,  # 57P01
    asyncpg.CrashShutdownError,  # 57P02
    asyncpg.ReadOnlySQLTransactionError,  # 25006: this server has become a standby
    asyncpg.TooManyConnectionsError,  # 53300
    asyncpg.DiskFullError,  # 53100: reading goes on, and so will writing once somebody has made room
    asyncpg.PostgresIOError,  # 58030
    asyncpg.TargetServerAttributeNotMatched,  # several hosts, none of them writable
    OSError,  # refused, reset, no such host or socket; TimeoutError is one too
)
# These classes also report wrong use of the driver; here are the messages of a connection that is gone. The last:
# the server's farewell arrived between two statements, and the socket is not closed yet.
_CLIENT_ERRORS: Final = (asyncpg.InterfaceError, asyncpg.InternalClientError)
_GONE: Final = ("connection is closed", "pool is clos", "released back to the pool", "cannot switch to state")


async def guarded(call: Callable[..., Awaitable[T]], *args: Any, **options: Any) -> T:
    """The result of `await call(...)`; raises Unavailable where the driver says it has lost the database.

    Takes the call apart, because some driver methods raise before there is anything to await.
    """
    try:
        return await call(*args, **options)
    except Exception as error:
        if is_outage(error):
            raise Unavailable(retry_after_secs=RETRY_AFTER_SECS) from error
        raise


def is_outage(error: BaseException) -> bool:
    """Does this error of the driver mean that the database can't be reached or written?"""
    if isinstance(error, _OUTAGES):
        return True
    return isinstance(error, _CLIENT_ERRORS) and any(phrase in str(error) for phrase in _GONE)
