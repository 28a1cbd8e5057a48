"""Targets explained, runs tried again, and why, on the command line."""

from pathlib import Path

import pytest
from tests.integration.cli.conftest import Tocsin

pytestmark = pytest.mark.usefixtures("controller")

ROLLOUT = """
name: everywhere
task: {type: noop}
schedule: on_demand
target: {type: tagged, expression: "linux and not db", mode: all}
rollout: {canary: 1, batch: "25%", quorum: "90%"}
"""


async def test_an_expression_is_explained_or_refused_with_its_place(tocsin: Tocsin) -> None:
    found = await tocsin("agents", "match", "linux and not db")
    assert found.exit_code == 0, found.stderr
    assert "0 match (whichever of them is free first), 0 ready for shell tasks now" in found.stdout
    wrong = await tocsin("agents", "match", "linux and")
    assert (wrong.exit_code, "position 10" in wrong.stderr) == (1, True)


async def test_a_job_on_every_host_is_read_explained_and_tried_again(tocsin: Tocsin, tmp_path: Path) -> None:
    manifest = tmp_path / "everywhere.yaml"
    manifest.write_text(ROLLOUT)
    assert (await tocsin("jobs", "create", "-f", str(manifest))).exit_code == 0
    assert "0 match (each of them)" in (await tocsin("jobs", "targets", "everywhere")).stdout
    why = await tocsin("why", "everywhere")
    assert "no agent matches the target" in why.stdout
    assert why.stdout.endswith("It would not run right now.\n")
    run = (await tocsin("run", "everywhere")).stdout.strip()
    failed = await tocsin("why", run, "-o", "json")
    assert (failed.json["status"], failed.json["reason"]) == ("failed", "no_agent")
    again = await tocsin("runs", "retry", run)
    assert (again.exit_code, again.stdout.strip() != run) == (0, True)
    assert (await tocsin("why", "nobody")).exit_code == 3
