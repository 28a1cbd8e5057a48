"""Statements for a SQLite database on the agent's host, by aiosqlite: each commits by itself."""

import asyncio
import re
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, quote, unquote

import aiosqlite

from tocsin_agent.tasks.driving import TaskFailed, could_not_connect, driver_failed
from tocsin_agent.tasks.sql.output import Pace, RowOutput
from tocsin_shared.connections.configs import SqliteConfig
from tocsin_shared.executions import Reason
from tocsin_shared.sql import statements

#: How long a statement waits for another program that writes.
_BUSY_SECS: Final = 5.0
#: From one interruption to the next.
_INTERRUPT_SECS: Final = 0.05
_MODES: Final = ("ro", "rw", "rwc")


async def run(
    connection_string: str,
    _config: SqliteConfig | None,
    query: str,
    output: RowOutput,
    *,
    is_confined: bool = False,
) -> None:
    """All statements, in order; when confined, with no other file than this. Raises TaskFailed."""
    path, mode = _read(connection_string)
    if mode != "rwc" and not await asyncio.to_thread(path.is_file):
        message = f"There is no database {path}, and none is created unless its URL says `?mode=rwc`."
        raise TaskFailed(Reason.CONNECT_FAILED, message)
    opening = aiosqlite.connect(
        f"file:{quote(str(path))}?mode={mode}",
        uri=True,
        timeout=_BUSY_SECS,
        isolation_level=None,
        factory=_Confined if is_confined else sqlite3.Connection,
    )
    try:
        connection = await opening
    except sqlite3.Error as error:
        raise could_not_connect(f"the database {path}", error) from None
    try:
        await _run(connection, statements(query, "sqlite"), output)
    finally:
        await _end(connection)


async def look(config: SqliteConfig) -> int:
    """Open the file for reading, never make one; how many tables are in it. Raises TaskFailed."""
    path, _ = _read(config.connection_string)
    try:
        async with (
            aiosqlite.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=_BUSY_SECS) as connection,
            connection.execute("SELECT count(*) FROM sqlite_schema WHERE type = 'table'") as found,
        ):
            row = await found.fetchone()
    except sqlite3.OperationalError as error:
        raise could_not_connect("the database", error) from None
    except sqlite3.Error as error:
        raise driver_failed("Reading the database", error) from None
    return row[0] if row else 0


class _Confined(sqlite3.Connection):
    """Opens no other file: neither ATTACH nor VACUUM INTO may name one."""

    def __init__(self, *args: Any, **given: Any) -> None:
        super().__init__(*args, **given)
        self.set_authorizer(_judge)


def _judge(action: int, name: str | None, *_: str | None) -> int:
    # What is attached without a name is temporary: VACUUM works in one of those.
    is_file = action == sqlite3.SQLITE_ATTACH and name not in ("", ":memory:")
    return sqlite3.SQLITE_DENY if is_file else sqlite3.SQLITE_OK


async def _end(connection: aiosqlite.Connection) -> None:
    """Close it, whatever its thread is doing or about to do: an interruption ends only what runs already."""
    closing = asyncio.create_task(connection.close())
    while not closing.done():
        with suppress(ValueError, sqlite3.Error):  # closed by now
            await connection.interrupt()
        await asyncio.wait({closing}, timeout=_INTERRUPT_SECS)
    closing.result()


async def _run(connection: aiosqlite.Connection, parts: list[str], output: RowOutput) -> None:
    connection.text_factory = _text
    for number, part in enumerate(parts, 1):
        try:
            await _statement(connection, part, output)
        except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
            what = "The statement" if len(parts) == 1 else f"Statement {number}"
            name = getattr(error, "sqlite_errorname", None)
            raise driver_failed(what, f"{error}; {name}" if name else error) from None
    if connection.in_transaction:
        output.tell("The query left its transaction open: it was rolled back.")


async def _statement(connection: aiosqlite.Connection, sql: str, output: RowOutput) -> None:
    async with connection.execute(sql) as cursor:
        if cursor.description is None:
            if cursor.rowcount >= 0:
                output.tell(f"{cursor.rowcount} row{'' if cursor.rowcount == 1 else 's'} affected")
            return
        output.begin([column[0] for column in cursor.description])
        loop, pace = asyncio.get_running_loop(), Pace()
        while True:
            wanted = min(pace.rows, output.rows_left)
            began = loop.time()
            rows = list(await cursor.fetchmany(wanted))
            secs = loop.time() - began
            pace.went(sum([output.row(row) for row in rows]), secs)
            if len(rows) < wanted:
                break
        output.end()


def _text(data: bytes) -> str:
    """SQLite takes any bytes for text."""
    return data.decode(errors="replace")


def _read(connection_string: str) -> tuple[Path, str]:
    """The file, and how it is opened."""
    found = re.match(r"(?:sqlite|file):", connection_string, re.IGNORECASE)
    text, mode = connection_string, "rw"
    if found is not None:
        text, _, parameters = connection_string[found.end() :].partition("?")
        text = unquote(text.removeprefix("//"))
        given = parse_qs(parameters)
        mode = given.pop("mode", ["rw"])[-1]
        if given or mode not in _MODES:
            message = f"A URL of SQLite takes no parameter but `mode`, one of {', '.join(_MODES)}."
            raise TaskFailed(Reason.BAD_CONNECTION, message)
    if not text.startswith("/") or "\0" in text:
        raise TaskFailed(Reason.BAD_CONNECTION, "The path of a SQLite database has to be absolute.")
    return Path(text), mode
