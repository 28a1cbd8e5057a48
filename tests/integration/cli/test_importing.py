"""`tocsin import` against a real controller."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web
from tests.integration.cli.conftest import Tocsin

pytestmark = pytest.mark.usefixtures("controller")


async def test_a_crontab_is_planned_taken_over_and_taken_over_again(tocsin: Tocsin, tmp_path: Path) -> None:
    tab = tmp_path / "tab"
    tab.write_text("MAILTO=ops@example.org\n0 3 * * * backup --all\n@reboot warm-up\n")
    command = "import", "crontab", str(tab), "--target", "local", "--timezone", "Europe/Berlin"
    plan = await tocsin(*command, "--dry-run")
    assert plan.exit_code == 2, plan.stderr
    assert plan.stdout == "+ cron-backup-all\n+ cron-warm-up\n2 to create, 0 unchanged\n"
    assert "output was mailed to ops@example.org" in plan.stderr
    done = await tocsin(*command, "--yes")
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "done: 2 created, 0 changed, 0 deleted")
    again = await tocsin(*command, "--yes")
    assert (again.exit_code, again.stdout) == (0, "nothing to change, 2 as they should be\n")
    tab.write_text("0 4 * * * backup --all\n")
    changed = await tocsin(*command, "--dry-run")
    assert changed.stdout.startswith("~ cron-backup-all\n")
    tab.write_text("0 4 * * backup\n")
    wrong = await tocsin(*command, "--dry-run")
    assert (wrong.exit_code, wrong.stdout) == (1, "")
    assert wrong.stderr == f"Error: {tab}:1: no schedule and command: 0 4 * * backup\n"


async def test_an_export_of_kronforce_is_taken_over_but_for_what_is_wrong(
    tocsin: Tocsin, tmp_path: Path
) -> None:
    file = tmp_path / "export.json"
    ids = [f"5e4cf53a-7ba6-4f44-a07c-0f6ad07ea2f{digit}" for digit in range(3)]
    shell = {"type": "shell", "command": "true", "working_dir": None}
    jobs: list[dict[str, Any]] = [
        {"name": "good", "task": shell, "schedule": {"type": "interval", "value": {"interval_secs": 600}}},
        {"name": "old", "task": {"type": "script", "script_name": "gone"}, "schedule": {"type": "on_demand"}},
        {"name": "late", "task": shell, "schedule": {"type": "cron", "value": "0 0 4 * * *"}},
    ]
    found = [
        {"id": one, "depends_on": [], "notifications": None, **job}
        for one, job in zip(ids, jobs, strict=True)
    ]
    found[2]["depends_on"] = [{"job_id": ids[1], "within_secs": None}]
    settings = {"retention_days": "9", "pipeline_schedule_etl": "nonsense"}
    variables = [{"name": "PLACE", "value": "here"}, {"name": "TOKEN", "value": "********", "secret": True}]
    export = {"export_version": 2, "jobs": found, "variables": variables, "settings": settings, "agents": []}
    file.write_bytes(orjson.dumps(export))
    plan = await tocsin("import", "kronforce", str(file), "--dry-run")
    assert plan.exit_code == 2, plan.stderr
    assert plan.stdout == "would import 1 variables, 1 jobs, 1 settings; there already: nothing\n"
    for told in (
        "old: not imported: task.script_name: there is no script 'gone'",
        "late: not imported: depends_on.0.job_id: there is no such job",
        "setting pipeline_schedule_etl: not imported: is no schedule of a group",
        "variable TOKEN: not imported",
    ):
        assert told in plan.stderr
    done = await tocsin("import", "kronforce", str(file), "--yes")
    assert done.exit_code == 0, done.stderr
    job = (await tocsin("-o", "json", "jobs", "show", "good")).json
    assert (job["id"], job["schedule"]["value"]["counted_from"]) == (ids[0], "finish")
    again = await tocsin("import", "kronforce", str(file), "--dry-run")
    assert (again.exit_code, again.stdout) == (
        0,
        "would import nothing; there already: 1 variables, 1 jobs\n",
    )


async def test_a_dkron_server_is_asked_for_its_jobs(tocsin: Tocsin, aiohttp_server: Any) -> None:
    shell = {"executor": "shell", "executor_config": {"command": "date"}}
    jobs = [
        {"name": "child", "parent_job": "parent", "schedule": "", "tags": {"dc": "eu:1"}, **shell},
        {"name": "parent", "schedule": "0 0 ~ * * *", "timezone": "Europe/Madrid", "tags": None, **shell},
        {"name": "other", "schedule": "@daily", "executor": "ecs", "executor_config": {}},
    ]

    async def answer(request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != "Bearer a-token":
            return web.Response(status=401)
        return web.json_response(jobs)

    app = web.Application()
    app.router.add_get("/v1/jobs", answer)
    server = await aiohttp_server(app)
    command = "import", "dkron", "--from", str(server.make_url("/")), "--yes"
    refused = await tocsin(*command)
    assert (refused.exit_code, "answered 401" in refused.stderr) == (1, True)
    done = await tocsin(*command, DKRON_TOKEN="a-token")
    assert done.stdout.splitlines()[-1] == "done: 2 created, 0 changed, 0 deleted", done.stderr
    assert "other: not imported: executor: 'ecs' is not available here" in done.stderr
    assert "agents need the tags that jobs ask for: dc=eu" in done.stderr
    child = (await tocsin("-o", "json", "jobs", "show", "child")).json
    assert [one["job_name"] for one in child["deps_status"]] == ["parent"]
    again = await tocsin(*command, DKRON_TOKEN="a-token")
    assert (again.exit_code, again.stdout) == (0, "nothing to change, 2 as they should be\n")


async def test_a_job_of_rundeck_runs_its_steps_with_its_options(tocsin: Tocsin, tmp_path: Path) -> None:
    file = tmp_path / "jobs.yaml"
    file.write_text("""
- name: greet
  schedule: {crontab: '0 0 5 ? * 2-6 *'}
  options:
  - {name: place, value: it's here}
  sequence:
    keepgoing: false
    commands:
    - exec: echo at ${option.place}
    - {script: "#!/bin/sh\\necho $1 and @option.place@, $RD_OPTION_PLACE\\n", args: then}
- name: other
  sequence: {commands: [{jobref: {name: greet}}]}
""")
    command = "import", "rundeck", str(file), "--target", "local", "--timezone", "UTC", "--yes"
    done = await tocsin(*command)
    assert done.stdout.splitlines()[-1] == "done: 1 created, 0 changed, 0 deleted", done.stderr
    assert "other: not imported: step 1 runs the job greet" in done.stderr
    ran = await tocsin("run", "greet", "--follow", "-p", "place=there")
    assert ran.exit_code == 0, ran.stderr
    assert ran.stdout.splitlines()[1:] == ["at there", "then and there, there"]
    again = await tocsin(*command)
    assert (again.exit_code, again.stdout) == (0, "nothing to change, 1 as they should be\n")


async def test_events_of_cronicle_are_jobs_that_wait_for_one_another(tocsin: Tocsin, tmp_path: Path) -> None:
    first = {
        "id": "e1",
        "title": "First",
        "enabled": 1,
        "plugin": "shellplug",
        "params": {"script": "#!/bin/sh\necho one\n"},
        "target": "maingrp",
        "timing": {"hours": [4], "minutes": [30]},
        "chain": "e2",
    }
    second = first | {"id": "e2", "title": "Second", "timing": False, "chain": ""}
    elsewhere = first | {"id": "e3", "title": "Third", "target": "nobody.example.org", "chain": ""}
    page = {"type": "list_page", "items": [elsewhere, second, first]}
    file = tmp_path / "backup.txt"
    file.write_text("global/schedule/0 - " + orjson.dumps(page).decode() + "\n")
    command = "import", "cronicle", str(file), "--timezone", "UTC", "--yes"
    refused = await tocsin(*command)
    assert refused.exit_code == 1
    assert "Third: not imported: target.agent: there is no agent of this name" in refused.stderr
    done = await tocsin(*command, "--target", "local")
    assert done.stdout.splitlines()[-1] == "done: 3 created, 0 changed, 0 deleted", done.stderr
    second_job = (await tocsin("-o", "json", "jobs", "show", "Second")).json
    assert [one["job_name"] for one in second_job["deps_status"]] == ["First"]
    again = await tocsin(*command, "--target", "local")
    assert (again.exit_code, again.stdout) == (0, "nothing to change, 3 as they should be\n")


async def test_the_stages_of_a_jenkinsfile_run_one_after_the_other(tocsin: Tocsin, tmp_path: Path) -> None:
    file = tmp_path / "app" / "Jenkinsfile"
    file.parent.mkdir()
    file.write_text("""
pipeline {
  agent any
  triggers { cron('H 2 * * *') }
  parameters { string(name: 'PLACE', defaultValue: "here") }
  stages {
    stage('Build') { steps { sh 'echo at $PLACE' } }
    stage('Ship') { steps { sh 'echo shipped'; checkout scm } }
  }
}
""")
    command = "import", "jenkins", str(file), "--target", "local", "--yes"
    done = await tocsin(*command)
    assert done.stdout.splitlines()[-1] == "done: 2 created, 0 changed, 0 deleted", done.stderr
    assert "app-Ship: is paused until somebody has looked at it: its step checkout scm" in done.stderr
    ran = await tocsin("run", "app-Build", "--follow", "-p", "PLACE=there")
    assert ran.stdout.splitlines()[1:] == ["at there"], ran.stderr
    ship = (await tocsin("-o", "json", "jobs", "show", "app-Ship")).json
    assert [one["job_name"] for one in ship["deps_status"]] == ["app-Build"]
    again = await tocsin(*command)
    assert (again.exit_code, again.stdout) == (0, "nothing to change, 2 as they should be\n")
