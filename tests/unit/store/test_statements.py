"""Every SQL file is loaded under its name, with the header that says what it guarantees."""

from pathlib import Path

import pytest

from tocsin_controller.store import statements
from tocsin_controller.store.statements import Statement, every_statement, load, parse, sql

SQL_DIRECTORY = Path(statements.__file__).parent / "sql"


def test_statement_is_known_by_its_files_name(tmp_path: Path) -> None:
    (tmp_path / "due_jobs.sql").write_text("-- Jobs that are due. Index: jobs_due.\nSELECT 1;\n")

    assert load(tmp_path) == {"due_jobs": Statement("due_jobs", "-- due_jobs\nSELECT 1")}


def test_comments_within_a_statement_stay() -> None:
    statement = parse("x", "-- Header.\n-- More.\n\nSELECT 1 -- here\n-- and here\nFROM t")

    assert statement.sql == "-- x\nSELECT 1 -- here\n-- and here\nFROM t"


def test_file_without_header_is_refused() -> None:
    with pytest.raises(ValueError, match=r"naked\.sql must start with"):
        parse("naked", "SELECT 1")


def test_file_without_statement_is_refused() -> None:
    with pytest.raises(ValueError, match=r"hollow\.sql has no statement"):
        parse("hollow", "-- Only a header.\n")


def test_missing_file_is_an_error_where_it_is_asked_for() -> None:
    with pytest.raises(LookupError, match=r"no_such_statement\.sql"):
        sql("no_such_statement")


def test_every_file_was_loaded() -> None:
    assert {s.name for s in every_statement()} == {file.stem for file in SQL_DIRECTORY.glob("*.sql")}


@pytest.mark.parametrize("file", sorted(SQL_DIRECTORY.glob("*.sql")), ids=lambda file: file.stem)
def test_every_file_starts_with_a_header_comment(file: Path) -> None:
    header = file.read_text().splitlines()[0]

    assert header.startswith("-- ")
    assert len(header) > len("-- ")


@pytest.mark.parametrize("statement", every_statement(), ids=lambda statement: statement.name)
def test_every_file_holds_one_statement(statement: Statement) -> None:
    assert ";\n" not in statement.sql
