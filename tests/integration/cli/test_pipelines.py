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


async def test_a_pipeline_is_scheduled_started_and_shown(tocsin: Tocsin) -> None:
    await tocsin("jobs", "create", "extract", "--command", "true")
    await tocsin("groups", "move", "ETL", "extract")
    shown = await tocsin("pipelines", "schedule", "ETL", "--cron", "0 2 * * *")
    assert '"0 2 * * *"' in shown.stdout
    listed = (await tocsin("pipelines", "ls")).stdout.splitlines()
    assert listed[1].split()[:2] == ["ETL", "1"]
    started = (await tocsin("pipelines", "run", "ETL")).stdout.strip()
    seen = await tocsin("pipelines", "show", "ETL", started[:13])
    assert seen.exit_code == 0, seen.stderr
    assert "extract" in seen.stdout
    assert (await tocsin("pipelines", "show", "ETL", "-o", "json")).json["id"] == started
    assert started[:8] in (await tocsin("pipelines", "ls", "ETL")).stdout
    assert (await tocsin("pipelines", "retry", "ETL", "ffff")).exit_code != 0
    await tocsin("pipelines", "schedule", "ETL", "--clear")


async def test_a_job_that_waits_says_for_what_and_runs_when_told_to_skip_that(tocsin: Tocsin) -> None:
    await tocsin("jobs", "create", "extract", "--command", "true")
    manifest = """
name: load
task: {type: shell, command: "true"}
schedule: on_demand
depends_on: [{job_id: extract, within_secs: 3600}]
"""
    made = await tocsin("jobs", "create", "-f", "-", stdin=manifest)
    assert made.exit_code == 0, made.stderr
    shown = (await tocsin("jobs", "show", "load")).stdout
    assert "extract (success, within 1h" in shown
    assert "'extract' has not run" in shown
    skipped = await tocsin("run", "load")
    assert "job skipped: 'extract' has not run" in skipped.stderr
    assert (await tocsin("run", "load", "--skip-deps", "-o", "json")).json["execution_ids"]
