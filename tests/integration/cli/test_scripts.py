"""`tocsin scripts` as people use it."""

import json
from pathlib import Path

import pytest
from tests.integration.cli.conftest import Tocsin


@pytest.mark.usefixtures("controller")
async def test_a_script_lives_from_put_to_rm(tocsin: Tocsin, tmp_path: Path) -> None:
    code, dockerfile, broken = tmp_path / "a.star", tmp_path / "Dockerfile.web", tmp_path / "b.star"
    code.write_text("print('hello')\n")
    dockerfile.write_text("FROM alpine\n")
    broken.write_text("x = 1\ny = = 2\n")
    assert (await tocsin("scripts", "check", str(code))).stdout == f"{code} can be read\n"
    refused = await tocsin("scripts", "check", str(broken))
    assert (refused.exit_code, "line 2" in refused.stderr) == (1, True)
    assert (await tocsin("scripts", "put", "hello", str(code))).stdout == "saved script hello\n"
    assert (await tocsin("scripts", "put", "web", str(dockerfile))).exit_code == 0
    listed = (await tocsin("scripts", "ls")).stdout
    assert [line.split()[:3] for line in listed.splitlines()[1:]] == [
        ["hello", "starlark", "15"], ["web", "dockerfile", "12"]
    ]  # fmt: skip
    assert (await tocsin("scripts", "get", "hello")).stdout == "print('hello')\n"
    assert (await tocsin("scripts", "rm", "hello", "web", "--yes")).exit_code == 0
    assert (await tocsin("scripts", "get", "hello")).exit_code == 3


@pytest.mark.usefixtures("controller")
async def test_a_stored_script_runs_with_its_values_and_params(tocsin: Tocsin, tmp_path: Path) -> None:
    code, job = tmp_path / "a.star", tmp_path / "job.json"
    code.write_text(
        "print(job.name, vars['token'], params['n'])\nif params['n'] != 1:\n    fail('not one')\n"
    )
    task = {"type": "script", "script_name": "a", "vars": {"token": "{{TOKEN}}-{{params.n}}"}}
    parameters = [{"name": "n", "param_type": "number", "required": True}]
    job.write_text(
        json.dumps(
            {"name": "j", "task": task, "parameters": parameters, "schedule": "manual", "target": "local"}
        )
    )
    assert (await tocsin("variables", "set", "TOKEN", stdin="t0ken\n")).exit_code == 0
    assert (await tocsin("scripts", "put", "a", str(code))).exit_code == 0
    assert (await tocsin("jobs", "create", "-f", str(job))).exit_code == 0
    ran = await tocsin("run", "j", "--follow", "-p", "n=1")
    assert (ran.exit_code, "j t0ken-1 1\n" in ran.stdout) == (0, True), ran.stderr
    failed = await tocsin("run", "j", "--follow", "-p", "n=2")
    assert (failed.exit_code, "script_failed: not one" in failed.stderr) == (1, True)
