"""Hints arrive, and after an outage the listener says that some may be missing."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tocsin_controller.embedded import EmbeddedPostgres
from tocsin_controller.store.database import Database
from tocsin_controller.store.postgres import listener
from tocsin_controller.store.statements import Statement

NOTIFY = Statement("notify", "SELECT pg_notify($1, $2)")
LISTENER = Statement(
    "listener",
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
)
TERMINATE = Statement("terminate", "SELECT pg_terminate_backend($1, 5000)")


@asynccontextmanager
async def listening(db: Database, channel: str) -> AsyncIterator["asyncio.Queue[str | None]"]:
    """What a callback of this channel is told."""
    heard: asyncio.Queue[str | None] = asyncio.Queue()
    task = asyncio.create_task(db.listen(channel, heard.put_nowait))
    try:
        yield heard
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.fixture
async def db(empty_database_url: str) -> AsyncIterator[Database]:
    database = await Database.open(empty_database_url, application_name="tocsin-test")
    yield database
    await database.close()


async def test_listener_says_when_it_is_connected_and_then_passes_payloads_on(db: Database) -> None:
    async with listening(db, "Some.Channel") as heard:
        assert await heard.get() is None
        await db.execute(NOTIFY, "Some.Channel", "hello")
        await db.execute(NOTIFY, "another", "not for us")
        await db.execute(NOTIFY, "Some.Channel", "")

        assert await heard.get() == "hello"
        assert await heard.get() == ""


async def test_listener_reconnects_and_says_so(db: Database) -> None:
    async with listening(db, "c") as heard:
        assert await heard.get() is None
        await db.execute(TERMINATE, await db.fetchval(LISTENER))

        assert await heard.get() is None
        await db.execute(NOTIFY, "c", "after")
        assert await heard.get() == "after"


async def test_listener_survives_a_restart_of_the_server(own_postgres: EmbeddedPostgres) -> None:
    db = await Database.open(own_postgres.dsn(), application_name="tocsin-test")
    async with listening(db, "c") as heard:
        assert await heard.get() is None
        await asyncio.to_thread(own_postgres.pg_ctl, "restart", "-m", "immediate")

        assert await asyncio.wait_for(heard.get(), timeout=5) is None
    await db.close()


async def test_listener_notices_a_silent_server(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "PING_EVERY_SECS", 0.05)
    monkeypatch.setattr(listener, "PING_TIMEOUT_SECS", 0.2)
    async with listening(db, "c") as heard:
        assert await heard.get() is None
        pid = await db.fetchval(LISTENER)
        os.kill(pid, signal.SIGSTOP)
        try:
            assert await asyncio.wait_for(heard.get(), timeout=5) is None
        finally:
            os.kill(pid, signal.SIGCONT)
