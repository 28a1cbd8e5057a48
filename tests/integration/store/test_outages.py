"""PostgreSQL restarts, falls silent or moves: callers see Unavailable only, and then it works again (G10)."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.net import free_port
from tests.postgres import UNSAFE_BUT_FAST

from tocsin_controller.embedded import EmbeddedPostgres
from tocsin_controller.store.database import Database
from tocsin_controller.store.postgres import dial
from tocsin_controller.store.statements import Statement
from tocsin_shared.errors import Unavailable

BACKEND = Statement("backend", "SELECT pg_backend_pid()")
LOCK = Statement("lock", "SELECT pg_advisory_lock(1)")
BLOCKED = Statement("blocked", "SELECT count(*) FROM pg_locks WHERE NOT granted")
PORT = Statement("port", "SELECT current_setting('port')::int")


@pytest.fixture
async def db(own_postgres: EmbeddedPostgres) -> AsyncIterator[Database]:
    database = await Database.open(own_postgres.dsn(), application_name="tocsin-test", min_size=4, max_size=8)
    yield database
    await database.close()


async def until_answer(db: Database) -> float:
    """Seconds until a call succeeds; errors other than Unavailable pass."""
    started = time.monotonic()
    while True:
        with suppress(Unavailable):
            await db.fetchval(BACKEND)
            return time.monotonic() - started
        await asyncio.sleep(0.01)


async def until_blocked(db: Database) -> None:
    """Until some statement waits for a lock."""
    while await db.fetchval(BLOCKED) == 0:
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_restart_under_load_shows_only_as_unavailable_and_heals_within_a_second(
    own_postgres: EmbeddedPostgres, db: Database, mode: str
) -> None:
    is_over = asyncio.Event()
    answers_after: list[float] = []

    async def hammer() -> None:
        async with db.hold() as held:
            while not is_over.is_set():
                with suppress(Unavailable):
                    await db.fetchval(BACKEND)
                    async with db.transaction() as session:
                        await session.fetchval(BACKEND)
                    async with held.transaction() as session:
                        await session.fetchval(BACKEND)
                await asyncio.sleep(0)
            answers_after.append(await until_answer(db))
            assert await held.fetchval(BACKEND) > 0

    async with asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(hammer())
        await asyncio.sleep(0.1)
        await asyncio.to_thread(own_postgres.pg_ctl, "restart", "-m", mode)
        is_over.set()

    assert max(answers_after) < 1


async def test_statement_in_flight_when_the_server_goes_down_is_unavailable(
    own_postgres: EmbeddedPostgres, db: Database
) -> None:
    async with db.acquire() as session:
        await session.execute(LOCK)
        waiting = asyncio.create_task(db.execute(LOCK))
        await until_blocked(db)
        await asyncio.to_thread(own_postgres.pg_ctl, "restart", "-m", "fast")

        with pytest.raises(Unavailable):
            await waiting
    assert await until_answer(db) < 1


async def test_server_that_is_down_is_unavailable_at_once(
    own_postgres: EmbeddedPostgres, db: Database
) -> None:
    await asyncio.to_thread(own_postgres.pg_ctl, "stop", "-m", "immediate")
    try:
        started = time.monotonic()
        for _ in range(20):
            with pytest.raises(Unavailable):
                await db.fetchval(BACKEND)
        with pytest.raises(Unavailable):
            await Database.open(own_postgres.dsn(), application_name="late")
        assert time.monotonic() - started < 1
    finally:
        await asyncio.to_thread(own_postgres.pg_ctl, "start")
    assert await until_answer(db) < 1


async def test_database_can_be_opened_before_the_server_is_up(own_postgres: EmbeddedPostgres) -> None:
    dsn = own_postgres.dsn()
    await asyncio.to_thread(own_postgres.pg_ctl, "stop", "-m", "fast")
    try:
        db = await Database.open(dsn, application_name="early", min_size=0)
        with pytest.raises(Unavailable):
            await db.fetchval(BACKEND)
    finally:
        await asyncio.to_thread(own_postgres.pg_ctl, "start")
    assert await until_answer(db) < 1
    await db.close()


async def test_server_that_falls_silent_is_given_up_and_its_connection_never_used_again(
    own_postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dial, "CLIENT_GRACE_SECS", 0.2)
    db = await Database.open(own_postgres.dsn(), application_name="x", statement_timeout_secs=0.1)
    backend = await db.fetchval(BACKEND)
    os.kill(backend, signal.SIGSTOP)
    try:
        with pytest.raises(Unavailable):
            await asyncio.wait_for(db.fetchval(BACKEND), timeout=2)
        assert await db.fetchval(BACKEND) != backend
    finally:
        os.kill(backend, signal.SIGCONT)
    await db.close()


async def test_transaction_on_a_silent_server_ends_without_waiting_for_its_rollback(
    own_postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dial, "CLIENT_GRACE_SECS", 0.2)
    db = await Database.open(own_postgres.dsn(), application_name="x", statement_timeout_secs=0.1)
    started = time.monotonic()
    with pytest.raises(Unavailable):  # noqa: PT012  the block is what is tested
        async with db.transaction() as session:
            backend = await session.fetchval(BACKEND)
            os.kill(backend, signal.SIGSTOP)
            await session.fetchval(BACKEND)
    os.kill(backend, signal.SIGCONT)

    assert time.monotonic() - started < 1
    await db.close()


async def test_dsn_with_several_hosts_finds_the_writable_one(cluster_parent: Path) -> None:
    ports = free_port(), free_port()
    standby = EmbeddedPostgres(
        cluster_parent / "standby",
        UNSAFE_BUT_FAST | {"default_transaction_read_only": "on"},
        listen_port=ports[0],
    )
    primary = EmbeddedPostgres(cluster_parent / "primary", UNSAFE_BUT_FAST, listen_port=ports[1])
    with standby, primary:
        hosts = f"host={cluster_parent}/standby,{cluster_parent}/primary&port={ports[0]},{ports[1]}"
        dsn = f"postgresql://postgres@/postgres?{hosts}&target_session_attrs=read-write"
        db = await Database.open(dsn, application_name="x", min_size=3)
        assert await db.fetchval(PORT) == ports[1]

        await asyncio.to_thread(primary.stop)
        with pytest.raises(Unavailable):
            await db.fetchval(PORT)
        await asyncio.to_thread(primary.start)
        await until_answer(db)
        assert await db.fetchval(PORT) == ports[1]
        await db.close()


async def test_silent_first_host_costs_its_own_timeout_once_and_the_second_is_used(
    cluster_parent: Path,
) -> None:
    port = free_port()
    with (
        socket.create_server(("127.0.0.1", 0)) as black_hole,
        EmbeddedPostgres(cluster_parent / "tcp", UNSAFE_BUT_FAST, listen_port=port) as server,
    ):
        dsn = server.tcp_dsn().replace("@", f"@127.0.0.1:{black_hole.getsockname()[1]},")
        db = await Database.open(dsn, application_name="x", connect_timeout_secs=2)
        assert await db.fetchval(PORT) == port

        async with db.acquire(), db.acquire(), db.acquire():
            assert _waiting_connections(black_hole) == 1
        await db.close()


async def test_wrong_password_is_no_outage(cluster_parent: Path) -> None:
    port = free_port()
    with EmbeddedPostgres(cluster_parent / "tcp", UNSAFE_BUT_FAST, listen_port=port):
        dsn = f"postgresql://postgres:wrong@127.0.0.1:{port}/postgres"
        with pytest.raises(Exception, match="password authentication failed") as caught:
            await Database.open(dsn, application_name="x")
        assert not isinstance(caught.value, Unavailable)


def _waiting_connections(listener: socket.socket) -> int:
    """How many came to a listener that never answered any."""
    listener.setblocking(False)
    count = 0
    with suppress(BlockingIOError):
        while True:
            listener.accept()[0].close()
            count += 1
    return count
