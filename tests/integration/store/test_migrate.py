"""Migrations against a real database: in order, once, all or nothing each."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from tocsin_controller.store.migrate import MigrationError, migrate, pending

CREATE_A = "CREATE TABLE a (id int); CREATE INDEX a_id ON a (id);"
FILL_A = "INSERT INTO a SELECT generate_series(1, 3);"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "0001_initial.sql").write_text(CREATE_A)
    (tmp_path / "0002_fill.pre.sql").write_text(FILL_A)
    (tmp_path / "0003_empty.post.sql").write_text("DELETE FROM a;")
    return tmp_path


async def count(url: str, table: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        counted: int = await connection.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608  own names
        return counted
    finally:
        await connection.close()


async def test_everything_is_applied_once_and_in_order(empty_database_url: str, files: Path) -> None:
    applied = await migrate(empty_database_url, directory=files)
    applied_again = await migrate(empty_database_url, directory=files)

    assert [m.name for m in applied] == ["0001_initial", "0002_fill.pre", "0003_empty.post"]
    assert applied_again == []
    assert await count(empty_database_url, "a") == 0
    assert await count(empty_database_url, "schema_migrations") == 3


async def test_before_rollout_stops_at_the_first_post_migration(empty_database_url: str, files: Path) -> None:
    applied = await migrate(empty_database_url, directory=files, before_rollout=True)

    assert [m.version for m in applied] == [1, 2]
    assert [m.version for m in await pending(empty_database_url, directory=files)] == [3]


async def test_pending_changes_nothing(empty_database_url: str, files: Path) -> None:
    assert [m.version for m in await pending(empty_database_url, directory=files)] == [1, 2, 3]

    with pytest.raises(asyncpg.UndefinedTableError):
        await count(empty_database_url, "schema_migrations")


async def test_many_controllers_starting_at_once_apply_each_file_once(
    empty_database_url: str, files: Path
) -> None:
    results = await asyncio.gather(*(migrate(empty_database_url, directory=files) for _ in range(8)))

    assert sorted(len(applied) for applied in results) == [0] * 7 + [3]


async def test_failing_file_leaves_nothing_of_itself_and_everything_before(
    empty_database_url: str, files: Path
) -> None:
    (files / "0002_fill.pre.sql").write_text(FILL_A + "SELECT 1/0;")

    with pytest.raises(MigrationError, match=r"0002_fill\.pre\.sql failed: division by zero"):
        await migrate(empty_database_url, directory=files)

    assert await count(empty_database_url, "a") == 0
    assert [m.version for m in await pending(empty_database_url, directory=files)] == [2, 3]


async def test_file_changed_after_it_was_applied_is_refused(empty_database_url: str, files: Path) -> None:
    await migrate(empty_database_url, directory=files)
    (files / "0001_initial.sql").write_text(CREATE_A + "-- one more thought")

    with pytest.raises(MigrationError, match=r"0001_initial\.sql has changed"):
        await migrate(empty_database_url, directory=files)


async def test_older_release_refuses_a_newer_database(empty_database_url: str, files: Path) -> None:
    await migrate(empty_database_url, directory=files)
    (files / "0003_empty.post.sql").unlink()

    with pytest.raises(MigrationError, match="newer than this release"):
        await migrate(empty_database_url, directory=files)


async def test_our_own_migrations_apply(database_url: str) -> None:
    assert await pending(database_url) == []
