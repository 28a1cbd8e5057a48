"""The pool, sessions and transactions against a real PostgreSQL."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime

import asyncpg
import pytest

from tocsin_controller.store.database import Database, HeldSession
from tocsin_controller.store.statements import Statement
from tocsin_shared.errors import Unavailable

CREATE = Statement("create", "CREATE TABLE t (id int PRIMARY KEY, body jsonb)")
INSERT = Statement("insert", "INSERT INTO t VALUES ($1, $2)")
COUNT = Statement("count", "SELECT count(*) FROM t")
SETTING = Statement("setting", "SELECT current_setting($1)")
BACKEND = Statement("backend", "SELECT pg_backend_pid()")


@pytest.fixture
async def db(empty_database_url: str) -> AsyncIterator[Database]:
    database = await Database.open(empty_database_url, application_name="tocsin-test", max_size=4)
    await database.execute(CREATE)
    yield database
    await database.close()


async def test_values_travel_as_python_objects(db: Database) -> None:
    some_id = uuid.uuid4()
    row = await db.fetchrow(
        Statement("echo", "SELECT $1::uuid AS id, now() AS now, $2::jsonb AS body, $3::jsonb[] AS bodies"),
        some_id,
        {"agent": some_id, "labels": ["a", None]},
        [{"n": 1}, None],
    )

    assert row is not None
    assert row["id"] == some_id
    assert isinstance(row["now"], datetime)
    assert row["now"].tzinfo == UTC
    assert row["body"] == {"agent": str(some_id), "labels": ["a", None]}
    assert row["bodies"] == [{"n": 1}, None]


async def test_uuid_read_from_the_database_can_be_stored_in_jsonb(db: Database) -> None:
    read = await db.fetchval(Statement("uuid", "SELECT gen_random_uuid()"))

    assert await db.fetchval(Statement("echo", "SELECT $1::jsonb"), {"id": read}) == {"id": str(read)}


async def test_sessions_start_with_our_settings(empty_database_url: str) -> None:
    db = await Database.open(
        empty_database_url, application_name="tocsin-x", statement_timeout_secs=7, lock_timeout_secs=2
    )
    names = ("application_name", "TimeZone", "statement_timeout", "lock_timeout")
    assert [await db.fetchval(SETTING, name) for name in names] == ["tocsin-x", "UTC", "7s", "2s"]
    assert await db.fetchval(SETTING, "idle_in_transaction_session_timeout") == "3s"
    await db.close()


async def test_execute_says_how_many_rows_it_touched(db: Database) -> None:
    await db.executemany(INSERT, [(n, None) for n in range(5)])

    assert await db.execute(Statement("update", "UPDATE t SET body = '1' WHERE id < $1"), 3) == 3
    assert await db.execute(Statement("update", "UPDATE t SET body = '1' WHERE id > $1"), 100) == 0
    assert await db.execute(Statement("vacuum", "VACUUM t")) == 0


async def test_executemany_is_all_or_nothing(db: Database) -> None:
    with pytest.raises(asyncpg.UniqueViolationError):
        await db.executemany(INSERT, [(1, None), (2, None), (1, None)])

    assert await db.fetchval(COUNT) == 0


async def test_transaction_commits_at_its_end_and_rolls_back_when_the_block_raises(db: Database) -> None:
    async with db.transaction() as session:
        await session.execute(INSERT, 1, None)
    with pytest.raises(asyncpg.UniqueViolationError):  # noqa: PT012  the block is what is tested
        async with db.transaction() as session:
            await session.execute(INSERT, 2, None)
            await session.execute(INSERT, 1, None)

    assert [row["id"] for row in await db.fetch(Statement("ids", "SELECT id FROM t"))] == [1]


async def test_transaction_within_a_transaction_is_a_savepoint(db: Database) -> None:
    async with db.transaction() as session:
        await session.execute(INSERT, 1, None)
        with pytest.raises(asyncpg.UniqueViolationError):
            async with session.transaction() as inner:
                await inner.execute(INSERT, 1, None)
        await session.execute(INSERT, 2, None)

    assert await db.fetchval(COUNT) == 2


async def test_cancelled_transaction_is_rolled_back_and_its_connection_used_again(db: Database) -> None:
    is_inside = asyncio.Event()

    async def work() -> None:
        async with db.transaction() as session:
            await session.execute(INSERT, 1, None)
            is_inside.set()
            await session.execute(Statement("sleep", "SELECT pg_sleep(60)"))

    task = asyncio.create_task(work())
    await is_inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await db.fetchval(COUNT) == 0


async def test_constraint_violation_passes_unchanged(db: Database) -> None:
    await db.execute(INSERT, 1, None)

    with pytest.raises(asyncpg.UniqueViolationError):
        await db.execute(INSERT, 1, None)


async def test_statement_that_takes_too_long_passes_as_query_canceled(empty_database_url: str) -> None:
    db = await Database.open(empty_database_url, application_name="x", statement_timeout_secs=0.05)
    with pytest.raises(asyncpg.QueryCanceledError):
        await db.execute(Statement("sleep", "SELECT pg_sleep(60)"))
    await db.close()


async def test_exhausted_pool_is_unavailable(empty_database_url: str) -> None:
    db = await Database.open(empty_database_url, application_name="x", max_size=1, acquire_timeout_secs=0.5)
    async with db.acquire():
        with pytest.raises(Unavailable):
            await db.fetchval(BACKEND)
    assert await db.fetchval(BACKEND) > 0
    await db.close()


async def test_closed_database_is_unavailable(empty_database_url: str) -> None:
    db = await Database.open(empty_database_url, application_name="x")
    await db.close()

    with pytest.raises(Unavailable):
        await db.fetchval(BACKEND)


async def test_primary_that_became_a_standby_is_unavailable_and_its_connection_dropped(db: Database) -> None:
    async with db.acquire() as session:
        first = await session.fetchval(BACKEND)
        await session.execute(Statement("demote", "SET default_transaction_read_only = on"))
        with pytest.raises(Unavailable):
            await session.execute(INSERT, 1, None)

    assert await db.execute(INSERT, 1, None) == 1
    assert await db.fetchval(BACKEND) != first


async def test_held_session_plans_once(db: Database) -> None:
    async with db.hold() as held:
        assert await held.fetchval(SETTING, "plan_cache_mode") == "force_generic_plan"


async def test_held_session_keeps_its_connection_between_calls_and_transactions(db: Database) -> None:
    async with db.hold() as held:
        pid = await held.fetchval(BACKEND)
        async with held.transaction() as session:
            assert await session.fetchval(BACKEND) == pid
            await session.execute(INSERT, 1, None)
        assert await held.fetchval(BACKEND) == pid

    assert await db.fetchval(COUNT) == 1


async def test_held_session_is_opened_again_after_it_was_lost(db: Database) -> None:
    async with db.hold() as held:
        pid = await held.fetchval(BACKEND)
        await db.execute(Statement("terminate", "SELECT pg_terminate_backend($1, 5000)"), pid)
        new_pid = await pid_after_loss(held)

    assert new_pid != pid


async def pid_after_loss(held: HeldSession) -> int:
    """The loss may first be noticed by this call; then the next one works."""
    with suppress(Unavailable):
        return int(await held.fetchval(BACKEND))
    return int(await held.fetchval(BACKEND))
