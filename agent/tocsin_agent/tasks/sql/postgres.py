"""Statements for PostgreSQL, by asyncpg: in one transaction when there are several, as `psql -c` has it."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import asyncpg

from tocsin_agent.tasks.driving import TaskFailed, could_not_connect, driver_failed, login_refused
from tocsin_agent.tasks.sql.output import Pace, RowOutput
from tocsin_agent.tasks.sql.postgres_address import PostgresAddress, postgres_address
from tocsin_agent.tasks.sql.values import JsonText, TimeText
from tocsin_shared.connections.configs import PostgresConfig
from tocsin_shared.executions import Reason
from tocsin_shared.sql import BLANKS, statements, tokens

_CONNECT_SECS: Final = 30.0
#: What a cancelled statement and its connection get to end in an orderly way.
_CLOSE_SECS: Final = 3.0
#: Types that Python's own would make something else of: they are taken as the server prints them.
_AS_PRINTED: Final = {
    **dict.fromkeys(("date", "time", "timetz", "timestamp", "timestamptz"), TimeText),
    **dict.fromkeys(("json", "jsonb"), JsonText),
    **dict.fromkeys(
        ("interval", "box", "circle", "line", "lseg", "path", "point", "polygon", "bit", "varbit", "tid"), str
    ),
    "float4": float,
}
_BEGINS: Final = ("BEGIN", "START")


async def run(connection_string: str, config: PostgresConfig | None, query: str, output: RowOutput) -> None:
    """All statements, in order. Raises TaskFailed."""
    address = await asyncio.to_thread(postgres_address, connection_string, config)
    async with _connected(address) as connection:

        def notice(_: object, message: Any) -> None:
            text = f"{message.severity_en or message.severity}: {message.message}"
            output.tell(
                text
                + (f" Detail: {message.detail}" if message.detail else "")
                + (f" Hint: {message.hint}" if message.hint else "")
            )

        connection.add_log_listener(notice)
        await _Session(connection, address.what, output).run(statements(query, "postgres"))
        await asyncio.sleep(0)  # what the server said last is told in the next turn of the loop
        connection.remove_log_listener(notice)


async def log_in(config: PostgresConfig) -> str:
    """Log in, ask a question, let go; what the server is called. Raises TaskFailed."""
    address = await asyncio.to_thread(postgres_address, config.connection_string, config)
    async with _connected(address) as connection:
        try:
            await connection.fetchval("SELECT 1")
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            raise driver_failed(f"Asking {address.what}", _text(error)) from None
    return address.what


@asynccontextmanager
async def _connected(address: PostgresAddress) -> AsyncIterator[Any]:
    try:
        connection = await asyncpg.connect(
            host=address.hosts,
            port=address.ports,
            user=address.user,
            # Never None: asyncpg would look for a password of the agent's own.
            password=address.password,
            database=address.database,
            ssl=address.ssl,
            timeout=_CONNECT_SECS,
            statement_cache_size=0,
            server_settings=address.settings,
            target_session_attrs=address.sessions,
        )
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        raise login_refused(address.what, _text(error)) from None
    except TimeoutError:
        raise could_not_connect(address.what, f"no answer within {_CONNECT_SECS:g} s") from None
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise could_not_connect(address.what, _text(error)) from None
    try:
        yield connection
    finally:
        # A statement that was cancelled is cancelled on the server, too, and waited for here.
        with suppress(Exception):
            async with asyncio.timeout(_CLOSE_SECS):
                await connection.close()
        connection.terminate()


class _Session:
    """Runs the statements of one query on its connection."""

    def __init__(self, connection: Any, what: str, output: RowOutput) -> None:
        self._connection = connection
        self._what = what
        self._output = output
        self._has_codec: set[str] = set()

    async def run(self, parts: list[str]) -> None:
        is_opened_by_query = False
        for number, part in enumerate(parts, 1):
            command = _command(part)
            try:
                if len(parts) > 1 and not self._is_in_transaction() and command not in _BEGINS:
                    await self._connection.execute("BEGIN")
                await self._statement(part, command, is_alone=len(parts) == 1)
            except (
                asyncpg.PostgresError,
                asyncpg.InterfaceError,
                asyncpg.InternalClientError,
                OSError,
            ) as error:
                raise self._failed(
                    "The statement" if len(parts) == 1 else f"Statement {number}", error
                ) from None
            except (ValueError, OverflowError) as error:
                raise driver_failed(f"Reading what statement {number} brought", error) from None
            is_opened_by_query = self._is_in_transaction() and (is_opened_by_query or command in _BEGINS)
        if not self._is_in_transaction():
            return
        if is_opened_by_query:
            self._output.tell("The query left its transaction open: it was rolled back.")
            return
        try:
            await self._connection.execute("COMMIT")
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            raise self._failed("COMMIT", error) from None

    async def _statement(self, sql: str, command: str, *, is_alone: bool) -> None:
        if command == "COPY" and re.search(r"\b(?:stdin|stdout)\b", sql, re.IGNORECASE):
            raise TaskFailed(Reason.DRIVER_ERROR, "COPY from STDIN and to STDOUT is not possible here.")
        prepared = await self._prepared(sql)
        columns = [attribute.name for attribute in prepared.get_attributes()]
        # Procedures may end transactions, which they can't inside one.
        if columns and is_alone and command != "CALL" and not self._is_in_transaction():
            await self._connection.execute("BEGIN")
        if not columns or not self._is_in_transaction():
            rows = await prepared.fetch()
            if not columns:
                self._output.tell(prepared.get_statusmsg())
                return
            self._output.begin(columns)
            for row in rows:
                self._output.row(row)
        else:
            self._output.begin(columns)
            await self._stream(prepared)
        self._output.end()

    async def _stream(self, prepared: Any) -> None:
        cursor = await prepared.cursor()
        loop, pace = asyncio.get_running_loop(), Pace()
        while True:
            wanted = min(pace.rows, self._output.rows_left)
            began = loop.time()
            rows = await cursor.fetch(wanted)
            secs = loop.time() - began
            pace.went(sum([self._output.row(row) for row in rows]), secs)
            if len(rows) < wanted:
                return

    async def _prepared(self, sql: str) -> Any:
        prepared = await self._connection.prepare(sql)
        types = {attribute.type.name.removesuffix("[]") for attribute in prepared.get_attributes()}
        wanted = sorted((types & _AS_PRINTED.keys()) - self._has_codec)
        for name in wanted:
            self._has_codec.add(name)
            await self._connection.set_type_codec(
                name, schema="pg_catalog", encoder=str, decoder=_AS_PRINTED[name], format="text"
            )
        return await self._connection.prepare(sql) if wanted else prepared

    def _is_in_transaction(self) -> bool:
        return bool(self._connection.is_in_transaction())

    def _failed(self, what: str, error: Exception) -> TaskFailed:
        if isinstance(error, asyncpg.PostgresConnectionError | OSError) or self._connection.is_closed():
            return driver_failed(f"{what}: the connection to {self._what} was lost, so it", _text(error))
        return driver_failed(what, _text(error))


def _command(sql: str) -> str:
    """The first word of a statement."""
    for token in tokens(sql, "postgres"):
        if token.kind not in BLANKS:
            return sql[token.start : token.end].upper()
    return ""


def _text(error: object) -> str:
    """What the server said, with its SQLSTATE and the place."""
    if not isinstance(error, asyncpg.PostgresError):
        return str(error) or type(error).__name__
    named = (("SQLSTATE", "sqlstate"), ("at character", "position"), ("detail:", "detail"), ("hint:", "hint"))
    found = [f"{name} {value}" for name, key in named if (value := getattr(error, key, None))]
    return "; ".join([str(getattr(error, "message", "") or error), *found])
