"""`tocsin groups` and `tocsin pipelines` against a real controller."""

import pytest
from tests.integration.cli.conftest import Tocsin

pytestmark = pytest.mark.usefixtures("controller")


async def test_groups_are_made_renamed_filled_and_deleted(tocsin: Tocsin) -> None:
    await tocsin("jobs", "create", "extract", "--command", "true")
    assert (await tocsin("groups", "create", "etl")).stdout == "created etl\n"
    assert (await tocsin("groups", "move", "etl", "extract")).stdout == "moved 1 jobs to etl\n"
    assert (await tocsin("groups", "rename", "etl", "ETL")).stdout == "renamed etl to ETL: 1 jobs\n"
    assert (await tocsin("groups", "ls")).stdout == "Default\nETL\n"
    assert (await tocsin("groups", "ls", "-o", "json")).json == ["Default", "ETL"]
    assert (await tocsin("groups", "rm", "ETL", "--yes")).stdout == "deleted ETL\n"
    assert (await tocsin("groups", "rm", "ETL", "--yes")).exit_code != 0
