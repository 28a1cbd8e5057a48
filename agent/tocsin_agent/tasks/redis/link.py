"""One connection to a Redis server."""

import asyncio
import math
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from redis.asyncio.connection import AbstractConnection, Connection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, AuthorizationError, RedisError, ResponseError
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import TimeoutError as TimedOut

from tocsin_agent.tasks.driving import TaskFailed, could_not_connect, driver_failed, login_refused
from tocsin_agent.tasks.redis.server import RedisServer
from tocsin_agent.tasks.tls import context_of

_CONNECT_WITHIN_SECS = 30.0
_CLOSE_WITHIN_SECS = 2.0

Word = str | bytes | int


class RedisLink:
    """Commands and their answers, in turn. Nothing is repeated: a lost connection is an error."""

    def __init__(self, server: RedisServer, connection: AbstractConnection) -> None:
        self.server = server
        self._connection = connection

    async def ask(self, *command: Word) -> Any:
        """The answer to one command. Raises TaskFailed."""
        with self._told(f"{command[0]!s} on {self.server.name}"):
            await self._connection.send_command(*command)
            return await self._answer()

    async def ask_all(self, commands: Sequence[Sequence[Word]]) -> list[Any]:
        """The answers to several commands that are sent at once; what is refused stands there as its error."""
        answers: list[Any] = []
        with self._told(f"{commands[0][0]!s} on {self.server.name}"):
            await self._connection.send_packed_command(self._connection.pack_commands(commands))
            for _ in commands:
                try:
                    answers.append(await self._answer())
                except ResponseError as refusal:
                    answers.append(refusal)
        return answers

    def refuse(self, command: str, answers: Sequence[Any]) -> None:
        """Raise TaskFailed for the first answer that is an error."""
        with self._told(f"{command} on {self.server.name}"):
            for answer in answers:
                if isinstance(answer, ResponseError):
                    raise answer

    async def more(self, doing: str) -> Any:
        """What comes without having been asked for. Raises TaskFailed."""
        with self._told(doing):
            return await self._answer()

    async def close(self) -> None:
        """Let go of the server; it may be gone."""
        with suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(_CLOSE_WITHIN_SECS):
                await self._connection.disconnect()

    async def _answer(self) -> Any:
        return await self._connection.read_response(timeout=math.inf)

    @contextmanager
    def _told(self, doing: str) -> Iterator[None]:
        try:
            yield
        except (AuthenticationError, AuthorizationError) as error:
            raise login_refused(self.server.name, error) from None
        except (RedisError, OSError) as error:
            raise driver_failed(doing, error) from None


async def opened(server: RedisServer) -> RedisLink:
    """A connection that is logged in, if there is a login. Raises TaskFailed."""
    common: dict[str, Any] = {
        "db": server.database,
        "username": server.username,
        "password": server.password,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "driver_info": None,
        # Waiting ends when the task ends, not before.
        "socket_timeout": None,
        "socket_connect_timeout": _CONNECT_WITHIN_SECS,
    }
    connection: AbstractConnection
    if server.path is not None:
        connection = UnixDomainSocketConnection(path=server.path, **common)
    else:
        context = await asyncio.to_thread(context_of, server.tls) if server.tls else None
        connection = _Connection(context, host=server.host, port=server.port, **common)
    link = RedisLink(server, connection)
    try:
        async with asyncio.timeout(_CONNECT_WITHIN_SECS):
            await connection.connect()  # type: ignore[no-untyped-call]  # redis has no types for it
    except (RedisError, OSError) as error:
        raise _why_not(server, error) from None
    finally:
        if not connection.is_connected:
            await link.close()
    return link


class _Connection(Connection):
    """Speaks TLS in a context of ours."""

    def __init__(self, context: ssl.SSLContext | None, **settings: Any) -> None:
        super().__init__(**settings)
        self._context = context

    def _connection_arguments(self) -> Mapping[str, Any]:
        return {**super()._connection_arguments(), "ssl": self._context}


def _why_not(server: RedisServer, error: Exception) -> TaskFailed:
    match error:
        case AuthenticationError() | AuthorizationError():
            return login_refused(server.name, error)
        case TimedOut() | TimeoutError():
            return could_not_connect(server.name, f"no answer within {_CONNECT_WITHIN_SECS:g} s")
        case Disconnected() | OSError():
            return could_not_connect(server.name, error)
        case _:
            return driver_failed(f"The login to {server.name}", error)
