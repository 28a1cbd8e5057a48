"""Daily partitions of history."""

from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import asyncpg
import pytest

from tocsin_controller.maintenance import Maintenance
from tocsin_controller.store.copying import hold_off_maintenance, patient_session
from tocsin_controller.store.database import Database
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.partitions import (
    TABLES,
    drop_oldest_day,
    ensure_partitions,
    forget_unpartitioned,
    kept_since,
    partition_name,
)
from tocsin_controller.store.pipelines import forget_pipelines
from tocsin_controller.store.statements import Statement
from tocsin_shared.ids import id_floor, new_id


async def test_rows_that_came_before_their_partition_move_into_it(database: Database) -> None:
    async with database.transaction() as session:
        await add_events(session, [NewEvent("test.early", "info", "before any partition")])
        today = datetime.now(UTC).date()
        await ensure_partitions(session, today)
        await ensure_partitions(session, today)
        name = partition_name("events", today)
        moved = await session.fetchval(Statement("moved", f"SELECT count(*) FROM {name}"))  # noqa: S608  own names
    assert moved == 1


async def test_old_days_are_dropped_one_at_a_time_and_only_those(database: Database) -> None:
    today = datetime.now(UTC).date()
    async with database.transaction() as session:
        await ensure_partitions(session, today - timedelta(days=10))
        await ensure_partitions(session, today)
        for days_ago in (10, 9):
            assert sorted(await drop_oldest_day(session, today - timedelta(days=8))) == sorted(
                partition_name(table, today - timedelta(days=days_ago)) for table in TABLES
            )
        assert await drop_oldest_day(session, today - timedelta(days=8)) == []


OPEN = {
    "a run that waits": """INSERT INTO runs (id, job_id, job_version, status, trigger, open_executions)
        VALUES ($1, $1, 1, 'pending', '{}', 1)""",
    "an execution that waits": """INSERT INTO queue
        (execution_id, route, priority, expires_at, run_id, job_id, job_version, attempt_number)
        VALUES ($1, 'any:noop', 0, now(), $1, $1, 1, 1)""",
    "an execution that runs": """INSERT INTO leases
        (execution_id, agent_id, fence, run_id, job_id, job_version, attempt_number, expires_at)
        VALUES ($1, $1, 1, $1, $1, 1, 1, now())""",
}


@pytest.mark.parametrize("what", OPEN)
async def test_no_day_is_dropped_in_or_before_which_something_has_not_ended(
    database: Database, what: str
) -> None:
    today = datetime.now(UTC).date()
    first_kept = today - timedelta(days=7)
    old = id_floor(datetime.combine(today - timedelta(days=9), time(12), UTC))
    async with database.transaction() as session:
        await ensure_partitions(session, today - timedelta(days=10))
        await ensure_partitions(session, today)
        await session.execute(Statement("open", OPEN[what]), old)
        assert partition_name("runs", today - timedelta(days=10)) in await drop_oldest_day(
            session, first_kept
        )
        assert await drop_oldest_day(session, first_kept) == []
        assert await kept_since(session, first_kept) == today - timedelta(days=9)


async def test_a_run_of_an_instant_long_ago_holds_back_only_what_is_newer_than_its_beginning(
    database: Database,
) -> None:
    today = datetime.now(UTC).date()
    long_ago = id_floor(datetime.combine(today - timedelta(days=400), time(), UTC))
    async with database.transaction() as session:
        await ensure_partitions(session, today - timedelta(days=10))
        await session.execute(Statement("open", OPEN["a run that waits"]), long_ago)
        assert len(await drop_oldest_day(session, today - timedelta(days=7))) == len(TABLES)


async def test_old_rows_go_from_the_default_partitions(database: Database) -> None:
    today = datetime.now(UTC).date()
    old, kept = (id_floor(datetime.combine(today - timedelta(days=n), time(), UTC)) for n in (40, 20))
    put = Statement(
        "put", "INSERT INTO events (id, kind, severity, message) VALUES ($1, 'test.old', 'info', 'old')"
    )
    async with database.transaction() as session:
        await session.executemany(put, [(old,), (kept,)])
        await forget_unpartitioned(session, today - timedelta(days=30))
        left = await session.fetch(Statement("left", "SELECT id FROM events WHERE kind = 'test.old'"))
    assert [row["id"] for row in left] == [kept]


async def test_an_old_pipeline_run_that_was_retried_is_kept_until_it_ends(database: Database) -> None:
    old = new_id()
    put = "INSERT INTO pipeline_runs (id, group_name, trigger, status) VALUES ($1, 'g', '{}', 'running')"
    end = "UPDATE pipeline_runs SET status = 'succeeded', finished_at = now()"
    count = Statement("count", "SELECT count(*) FROM pipeline_runs")
    async with database.transaction() as session:
        await session.execute(Statement("put", put), old)
        await forget_pipelines(session, UUID(int=old.int + 1))
        assert await session.fetchval(count) == 1
        await session.execute(Statement("end", end))
        await forget_pipelines(session, UUID(int=old.int + 1))
        assert await session.fetchval(count) == 0


async def test_a_table_in_use_is_not_waited_for_but_tried_again(database_url: str) -> None:
    database = await Database.open(database_url, application_name="tests", lock_timeout_secs=0.2)
    maintenance = Maintenance(database, retention_days=30, audit_retention_days=0)
    reader = await asyncpg.connect(database_url)
    await reader.execute("DROP TABLE " + partition_name("events", datetime.now(UTC).date()))
    await reader.execute("BEGIN")
    await reader.execute("SELECT count(*) FROM events_default")
    assert await maintenance.once() is False
    await reader.execute("ROLLBACK")
    assert await maintenance.once() is True
    await reader.close()
    await database.close()


async def test_a_round_leaves_a_backup_alone(database: Database, database_url: str) -> None:
    maintenance = Maintenance(database, retention_days=30, audit_retention_days=0)
    name = partition_name("events", datetime.now(UTC).date())
    exists = Statement("exists", f"SELECT to_regclass('{name}') IS NOT NULL")
    async with patient_session(database_url) as backup:
        await backup.connection.execute(f"DROP TABLE {name}")
        await hold_off_maintenance(backup)
        assert await maintenance.once() is True
        assert not await database.fetchval(exists)
    await maintenance.once()
    assert await database.fetchval(exists)
