"""Daily partitions of history."""

from datetime import UTC, datetime, timedelta

from tocsin_controller.store.database import Database
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.partitions import drop_partitions_before, ensure_partitions, partition_name
from tocsin_controller.store.statements import Statement


async def test_rows_that_came_before_their_partition_move_into_it(database: Database) -> None:
    async with database.transaction() as session:
        await add_events(session, [NewEvent("test.early", "info", "before any partition")])
        today = datetime.now(UTC).date()
        await ensure_partitions(session, today)
        await ensure_partitions(session, today)
        name = partition_name("events", today)
        moved = await session.fetchval(Statement("moved", f"SELECT count(*) FROM {name}"))  # noqa: S608  own names
    assert moved == 1


async def test_old_partitions_are_dropped_and_only_those(database: Database) -> None:
    today = datetime.now(UTC).date()
    async with database.transaction() as session:
        await ensure_partitions(session, today - timedelta(days=10))
        await ensure_partitions(session, today)
        dropped = await drop_partitions_before(session, today - timedelta(days=8))
        assert sorted(dropped) == sorted(
            partition_name(table, today - timedelta(days=n))
            for table in ("runs", "executions", "execution_output", "events", "output_search")
            for n in (9, 10)
        )
        assert await drop_partitions_before(session, today - timedelta(days=8)) == []
