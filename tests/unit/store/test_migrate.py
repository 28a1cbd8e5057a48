"""Which migrations are still to apply, and when history and code disagree."""

from pathlib import Path

import pytest

from tocsin_controller.store.migrate import MIGRATIONS, Migration, MigrationError, load, missing


def migration(version: int, name: str = "step", checksum: str = "same") -> Migration:
    return Migration(version, f"{version:04}_{name}", checksum, "SELECT 1")


def test_files_are_loaded_in_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("0010_last.post.sql", "0002_second.pre.sql", "0001_initial.sql"):
        (tmp_path / name).write_text("SELECT 1")

    assert [(m.version, m.name) for m in load(tmp_path)] == [
        (1, "0001_initial"),
        (2, "0002_second.pre"),
        (10, "0010_last.post"),
    ]


@pytest.mark.parametrize("name", ["1_short.sql", "0001.sql", "initial.sql", "0001_x.during.sql"])
def test_misnamed_file_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("SELECT 1")

    with pytest.raises(MigrationError, match="NNNN_name"):
        load(tmp_path)


def test_two_files_with_one_number_are_refused(tmp_path: Path) -> None:
    (tmp_path / "0001_a.sql").write_text("SELECT 1")
    (tmp_path / "0001_b.sql").write_text("SELECT 1")

    with pytest.raises(MigrationError, match="same number"):
        load(tmp_path)


def test_only_what_was_not_applied_is_missing() -> None:
    assert missing([migration(1), migration(2)], [migration(1)]) == [migration(2)]


def test_changed_file_is_refused() -> None:
    with pytest.raises(MigrationError, match=r"0001_step\.sql has changed since it was applied"):
        missing([migration(1, checksum="new")], [migration(1, checksum="old")])


def test_database_newer_than_the_code_is_refused() -> None:
    with pytest.raises(MigrationError, match="newer than this release: it has 0002_step"):
        missing([migration(1)], [migration(1), migration(2)])


def test_database_newer_by_a_pre_migration_still_serves_this_release() -> None:
    assert missing([migration(1)], [migration(1), migration(2, "step.pre")]) == []


def test_file_added_below_an_applied_one_is_refused() -> None:
    with pytest.raises(MigrationError, match=r"0002_step\.sql was never applied, but 0003_step was"):
        missing([migration(1), migration(2), migration(3)], [migration(1), migration(3)])


def test_our_own_migrations_are_well_named() -> None:
    load(MIGRATIONS)
