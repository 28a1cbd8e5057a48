"""Approving and rejecting by name of run or execution."""

import asyncio

import pytest
from tests.integration.cli.conftest import Tocsin

CREATE = ("jobs", "create", "-f", "-")


@pytest.mark.usefixtures("controller")
async def test_runs_are_approved_and_rejected_from_the_command_line(tocsin: Tocsin) -> None:
    job = '{"name": "deploy", "task": {"type": "noop"}, "schedule": "on_demand", "approval_required": true}'
    assert (await tocsin(*CREATE, stdin=job)).exit_code == 0
    started = await tocsin("run", "deploy")
    run = started.stdout.strip()
    assert started.stderr.strip().endswith("job awaiting approval")
    (waiting,) = (await tocsin("executions", "ls", "--status", "pending_approval", "-o", "json")).json["data"]
    assert waiting["run_id"] == run
    assert (await tocsin("approve", run, "--note", "fine")).stdout == f"{run}: execution approved\n"
    for _ in range(600):
        shown = (await tocsin("runs", "show", run, "-o", "json")).json
        if shown["finished_at"]:
            break
        await asyncio.sleep(0.05)
    assert (shown["status"], shown["approval"]["note"]) == ("succeeded", "fine")
    assert "approved by" in (await tocsin("runs", "show", run)).stdout
    again = await tocsin("approve", run)
    assert (again.exit_code, again.stderr.count("\n")) == (1, 1)
    other = (await tocsin("run", "deploy")).stdout.strip()
    (execution,) = (await tocsin("runs", "show", other, "-o", "json")).json["executions"]
    assert (await tocsin("reject", execution["id"])).exit_code == 0
    assert (await tocsin("runs", "show", other, "-o", "json")).json["reason"] == "rejected"
