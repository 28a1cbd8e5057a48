"""Statements for MySQL and MariaDB, by asyncmy: the server takes them apart, and each commits by itself."""

import asyncio
import getpass
import re
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import asyncmy
from asyncmy import errors
from asyncmy.constants import FIELD_TYPE
from asyncmy.cursors import SSCursor

from tocsin_agent.tasks.driving import TaskFailed, could_not_connect, driver_failed, login_refused
from tocsin_agent.tasks.sql.output import RowOutput
from tocsin_agent.tasks.sql.values import JsonText, TimeText
from tocsin_agent.tasks.tls import context_of
from tocsin_shared.connections.base import TlsConfig
from tocsin_shared.connections.configs import MysqlConfig
from tocsin_shared.executions import Reason

_CONNECT_SECS: Final = 30.0
_KILL_SECS: Final = 3.0
#: Rows between two turns of the event loop.
_TURN_ROWS: Final = 200
#: Access denied: for the user, to the database, for this host, without a password, by plugin, expired.
_LOGIN_ERRORS: Final = frozenset({1044, 1045, 1130, 1698, 1251, 1820, 1862, 3118, 4151})
#: Modes under which text is quoted otherwise than values were, or which stand for such modes.
_OTHER_QUOTING: Final = frozenset(
    {"ANSI", "ANSI_QUOTES", "DB2", "MAXDB", "MSSQL", "NO_BACKSLASH_ESCAPES", "ORACLE", "POSTGRESQL"}
)
_LOST: Final = frozenset({2006, 2013, 2055})

_Convert = Callable[[Any], object]


def _bits(value: bytes | str) -> int:
    return int.from_bytes(value.encode("latin-1") if isinstance(value, str) else value, "big")


_CONVERT: Final[dict[int, _Convert]] = {
    **dict.fromkeys(
        (FIELD_TYPE.TINY, FIELD_TYPE.SHORT, FIELD_TYPE.LONG, FIELD_TYPE.LONGLONG, FIELD_TYPE.INT24), int
    ),
    FIELD_TYPE.YEAR: int,
    FIELD_TYPE.DECIMAL: Decimal,
    FIELD_TYPE.NEWDECIMAL: Decimal,
    FIELD_TYPE.FLOAT: float,
    FIELD_TYPE.DOUBLE: float,
    FIELD_TYPE.BIT: _bits,
    FIELD_TYPE.JSON: JsonText,
    FIELD_TYPE.DATETIME: TimeText,
    FIELD_TYPE.TIMESTAMP: TimeText,
}


@dataclass(frozen=True, slots=True)
class _Address:
    host: str
    port: int
    socket: str | None
    user: str
    password: str = field(repr=False)
    database: str | None
    ssl: ssl.SSLContext | None

    @property
    def what(self) -> str:
        return f"MySQL at {self.socket or f'{self.host}:{self.port}'}"


async def run(connection_string: str, config: MysqlConfig | None, query: str, output: RowOutput) -> None:
    """All statements, in order. Raises TaskFailed."""
    address = await asyncio.to_thread(_read, connection_string, config)
    async with _connected(address) as connection:
        cursor = connection.cursor(SSCursor)
        number = 1
        try:
            await cursor.execute(query)
            await _result(cursor, output)
            number = 2
            while await cursor.nextset():
                await _result(cursor, output)
                number += 1
        except (RuntimeError, ValueError) as error:
            # The driver can't read what came, or was asked by the server for a file of this host.
            raise driver_failed(f"Statement {number}", error) from None
        except (errors.MySQLError, OSError, struct.error) as error:
            code = error.args[0] if error.args else None
            doing = f"Statement {number}" if number > 1 else "The statement"
            if code in _LOST or not isinstance(error, errors.MySQLError):
                raise driver_failed(
                    f"{doing}: the connection to {address.what} was lost, so it", _text(error)
                ) from None
            raise driver_failed(doing, _text(error)) from None


async def log_in(config: MysqlConfig) -> str:
    """Log in, ask a question, let go; what the server is called. Raises TaskFailed."""
    address = await asyncio.to_thread(_read, config.connection_string, config)
    async with _connected(address) as connection:
        try:
            async with connection.cursor() as cursor:
                await cursor.execute("SELECT 1")
        except (errors.MySQLError, OSError, struct.error) as error:
            raise driver_failed(f"Asking {address.what}", _text(error)) from None
    return address.what


async def _result(cursor: Any, output: RowOutput) -> None:
    if cursor.description is None:
        if cursor.rowcount >= 0:
            output.tell(f"{cursor.rowcount} row{'' if cursor.rowcount == 1 else 's'} affected")
        return
    converters = [_CONVERT.get(column[1]) for column in cursor.description]
    output.begin([column[0] for column in cursor.description])
    count = 0
    while (row := await cursor.fetchone()) is not None:
        output.row(_converted(row, converters))
        count += 1
        if count % _TURN_ROWS == 0:
            await asyncio.sleep(0)  # rows that have arrived are read without ever waiting
    output.end()


def _converted(row: Sequence[Any], converters: Sequence[_Convert | None]) -> list[object]:
    return [
        value if value is None or convert is None else convert(value)
        for value, convert in zip(row, converters, strict=True)
    ]


@asynccontextmanager
async def _connected(address: _Address) -> AsyncIterator[Any]:
    connection = await _connect(address)
    is_over = False
    try:
        _read_on_demand(connection)
        await _keep_quoting(connection)
        yield connection
        is_over = True
    except errors.MySQLError as error:
        is_over = True
        raise driver_failed(f"Talking to {address.what}", _text(error)) from None
    finally:
        if not is_over:
            # The statement may still run, and the server would find out only when it has something to send.
            with suppress(Exception):
                async with asyncio.timeout(_KILL_SECS):
                    await _kill(address, connection.thread_id())
        connection.close()


async def _connect(address: _Address) -> Any:
    try:
        async with asyncio.timeout(_CONNECT_SECS):
            return await asyncmy.connect(
                host=address.host,
                port=address.port,
                unix_socket=address.socket,
                user=address.user,
                # As bytes: asyncmy would take a text for Latin-1.
                password=address.password.encode(),
                database=address.database,
                charset="utf8mb4",
                ssl=address.ssl,
                autocommit=True,
                # Values stay what the server sent.
                conv={},
                program_name="tocsin",
            )
    except TimeoutError:
        raise could_not_connect(address.what, f"no answer within {_CONNECT_SECS:g} s") from None
    except errors.MySQLError as error:
        code = error.args[0] if error.args else None
        if code in _LOGIN_ERRORS:
            raise login_refused(address.what, _text(error)) from None
        raise could_not_connect(address.what, _text(error)) from None
    except (OSError, struct.error, ValueError, NotImplementedError) as error:
        raise could_not_connect(address.what, error) from None


def _read_on_demand(connection: Any) -> None:
    """Take from the network only what is waited for: asyncmy itself takes in all that the server sends.

    Versions of it that read by asyncio's streams, which stop by themselves, have nothing of what is used here.
    """
    protocol, transport = getattr(connection, "_proto", None), getattr(connection, "_transport", None)
    if protocol is None or transport is None:
        return
    wait: Callable[[int], Awaitable[None]] = protocol.wait_for_data

    async def wait_for_data(need: int) -> None:
        if not transport.is_closing():
            transport.resume_reading()
        try:
            await wait(need)
        finally:
            if not transport.is_closing():
                transport.pause_reading()

    protocol.wait_for_data = wait_for_data
    transport.pause_reading()


async def _keep_quoting(connection: Any) -> None:
    """Leave modes that would change how the query is read."""
    cursor = connection.cursor()
    await cursor.execute("SELECT @@SESSION.sql_mode")
    (modes,) = await cursor.fetchone()
    kept = [mode for mode in modes.split(",") if mode not in _OTHER_QUOTING]
    if len(kept) < len(modes.split(",")):
        await cursor.execute(f"SET SESSION sql_mode = '{','.join(kept)}'")
    await cursor.close()


async def _kill(address: _Address, thread: int) -> None:
    other = await _connect(address)
    try:
        await other.query(f"KILL QUERY {int(thread)}")
    finally:
        other.close()


def _text(error: BaseException) -> str:
    if len(error.args) < 2:
        return str(error)
    state = getattr(error, "sqlstate", None)
    return f"{error.args[1]}; error {error.args[0]}" + (f"; SQLSTATE {state}" if state else "")


class _Unreadable(ValueError):
    """The message names no value."""


def _read(connection_string: str, config: TlsConfig | None) -> _Address:
    try:
        return _address(connection_string, config)
    except _Unreadable as error:
        raise TaskFailed(Reason.BAD_CONNECTION, f"The connection string can't be read: {error}.") from None


def _address(connection_string: str, config: TlsConfig | None) -> _Address:
    if not re.match(r"(?:mysql|mariadb)://", connection_string, re.IGNORECASE):
        raise _Unreadable("it is no mysql:// URL")
    try:
        parts = urlsplit(connection_string)
        port = parts.port or 3306
    except ValueError:  # whose text shows what it did not like
        raise _Unreadable("its host is no host:port") from None
    if "@" in parts.path:
        raise _Unreadable("characters like / and ? in its password have to be percent-encoded")
    given = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    tls = _tls(given, config)
    socket = given.pop("socket", None) or given.pop("unix_socket", None)
    given.pop("charset", None)
    if given:
        raise _Unreadable(f"its parameter {min(given)[:64]} is not known here")
    return _Address(
        host=unquote(parts.hostname or "localhost"),
        port=port,
        socket=socket,
        user=unquote(parts.username or "") or getpass.getuser(),
        password=unquote(parts.password or ""),
        database=unquote(parts.path.removeprefix("/")) or None,
        ssl=tls,
    )


def _tls(given: dict[str, str], config: TlsConfig | None) -> ssl.SSLContext | None:
    """As the connection says, else as `ssl-mode` says."""
    mode = (given.pop("ssl-mode", "") or given.pop("sslmode", "")).lower().replace("-", "_")
    if config is not None and any(name.startswith("tls") for name in config.given()):
        return None if config.tls is False else context_of(config)
    match mode:
        case "" | "disabled" | "disable":
            return None
        case "required" | "require":
            return context_of(TlsConfig(tls_verify=False))
        case "verify_ca":
            context = context_of(TlsConfig())
            context.check_hostname = False
            return context
        case "verify_identity" | "verify_full":
            return context_of(TlsConfig())
        case _:
            raise _Unreadable("its ssl-mode is none of disabled, required, verify_ca, verify_identity")
