"""The PostgreSQL server behind the tests: an embedded one, or the one TOCSIN_TEST_DATABASE_URL names."""

import asyncio
import uuid
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import asyncpg

T = TypeVar("T")

#: The tests' server may lose everything in a power cut; a test about that starts its own.
UNSAFE_BUT_FAST = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
}


class Server(Protocol):
    """What the fixtures need of either kind."""

    def dsn(self, database: str = "postgres") -> str:
        """Of an existing database, as a user who may create others."""


class ExternalServer:
    """A server that somebody else runs."""

    def __init__(self, url: str) -> None:
        self._url = url

    def dsn(self, database: str = "postgres") -> str:
        """The given URL with another database."""
        return _with_database(self._url, database)


@contextmanager
def new_database(server: Server, *, template: str = "template1") -> Iterator[str]:
    """The name of a fresh copy of the template, dropped afterwards whoever is still connected."""
    name = f"tocsin_test_{uuid.uuid4().hex[:12]}"
    administer(server, f'CREATE DATABASE {name} TEMPLATE "{template}" STRATEGY file_copy')
    try:
        yield name
    finally:
        administer(server, f"DROP DATABASE {name} WITH (FORCE)")


def dsn_of(server: Server, database: str) -> str:
    """Its DSN, without the embedded server's look whether it exists: `new_database` has made it."""
    return _with_database(server.dsn(), database)


def administer(server: Server, command: str) -> None:
    """One command in the maintenance database."""

    async def execute() -> None:
        connection = await asyncpg.connect(server.dsn())
        try:
            await connection.execute(command)
        finally:
            await connection.close()

    run_apart(execute())


def run_apart(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in a loop of its own, also below a running test loop."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, work).result()


def _with_database(url: str, database: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/{database}" + (f"?{parts.query}" if parts.query else "")
