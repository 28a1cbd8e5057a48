"""Programs that others have published for Dkron, as they come from the registries, find what they expect."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.compat.conftest import ADMIN, PATIENCE_SECS, Controller, a_controller
from tests.services import FETCHED, require

from tocsin_controller.store.database import Database

PROGRAMS = Path(__file__).parent / "clients"
CLIENTS = FETCHED / "clients"


async def run(*argv: str | Path, stdin: Any = None, **environment: str) -> Any:
    """What the program prints."""
    environment |= {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    process = await asyncio.create_subprocess_exec(
        *argv, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=environment
    )
    async with asyncio.timeout(2 * PATIENCE_SECS):
        printed, _ = await process.communicate(json.dumps(stdin).encode())
    assert process.returncode == 0, printed
    return json.loads(printed)


def python(name: str) -> Path:
    """The interpreter that has the client. It runs apart: the clients' own libraries don't go together with ours."""
    return Path(require(f"a client of Dkron ({name})", CLIENTS / name / "bin" / "python"))


async def test_dkron_of_pypi(local_controller: Controller, tmp_path: Path) -> None:
    job = {
        "name": "job1", "schedule": "@manually", "tags": {"server": "true"}, "executor": "shell",
        "executor_config": {"command": "echo hi"},
    }  # fmt: skip
    file, wrong = tmp_path / "job.json", tmp_path / "wrong.json"
    file.write_text(json.dumps(job))
    wrong.write_text(json.dumps({**job, "name": "Job 1"}))
    # A client that knows of no keys takes one along in the address.
    at = ["--hosts", f"http://127.0.0.1:1,http://dkron:{ADMIN}@{urlsplit(local_controller.url).netloc}"]
    commands: list[list[str]] = [
        ["get", "status"], ["get", "leader"], ["get", "members"], ["apply", "job", str(file)], ["run", "job1"],
        ["get", "job", "job1"], ["get", "executions", "job1"], ["get", "jobs"], ["export", str(tmp_path)],
        ["apply", "job", str(wrong)], ["delete", "job", "job1"], ["get", "job", "job1"],
    ]  # fmt: skip
    told = await run(
        python("dkron"), PROGRAMS / "dkron_commands.py", stdin=[at + command for command in commands]
    )
    codes = [code for code, _ in told]
    assert codes == [0] * 9 + [1, 0, 1], told
    said = [text for _, text in told]
    status, leader, (member,) = (json.loads(text) for text in said[:3])
    assert status["agent"]["name"] == leader["Name"] == member["Name"]
    shown, executions, listed = (json.loads(text) for text in said[5:8])
    assert (shown["success_count"], executions[0]["output"], listed) == (1, "hi\n", [shown])
    assert json.loads((tmp_path / "job1.json").read_text()) == shown
    assert "failed with code 400, Job contains invalid value: name contains illegal character 'J'" in said[9]
    assert said[11] == "Error while fetching: Dkron API request failed with code 404, \n"


async def test_pydkron_where_no_key_is_needed(database: Database, database_url: str, tmp_path: Path) -> None:
    settings = {"state_dir": str(tmp_path), "dkron_open": True}
    async with a_controller(database, database_url=database_url, **settings) as controller:
        host = urlsplit(controller.url).netloc
        told = await run(python("dkron"), PROGRAMS / "pydkron_calls.py", "127.0.0.1:1", host)
    (one,) = told["executions"]
    assert (one["output"], one["success"], told["saved"]) == ("pydkron-1\n", True, "bob")
    assert (told["listed"], told["toggled"], told["deleted"]) == (["pydkron-1"], True, "pydkron-1")
    assert (told["stored"]["owner"], told["stored"]["success_count"]) == ("bob", 1)
    assert told["gone"] == told["not run"] == told["not listed"] == "Job pydkron-1 was not found"
    assert told["refused"] == "Job could not be saved [status=400]"
    assert list(told["status"]) == ["agent", "serf", "tags"]


async def test_django_dkron(local_controller: Controller) -> None:
    told = await run(
        python("django"), PROGRAMS / "django_site.py", DKRON_URL=local_controller.url, DKRON_KEY=ADMIN
    )
    assert told["synced"] == [
        "Job child updated", "Job contains invalid value: can't parse job schedule: second: 61 is not in 0-59.",
        "Job parent updated", "Job wrong failed",
    ]  # fmt: skip
    parent, child = told["jobs"]["parent"], told["jobs"]["child"]
    assert (parent["dependent_jobs"], parent["retries"], parent["tags"]) == (["child"], 2, None)
    assert (child["parent_job"], child["metadata"], child["disabled"]) == (
        "parent",
        {"cron": "auto"},
        False,
    )
    assert told["synced again"] == ["Job child delete", "Job parent updated"]
    (left,) = told["jobs left"].values()
    assert (left["name"], left["disabled"]) == ("parent", True)
    assert (told["added"], told["changed"], told["resynced"], told["deleted"]) == (302, 302, 302, 302)
    assert (told["by hand"]["schedule"], told["by hand"]["retries"]) == ("@daily", 3)
    assert told["shown through the site"] == "by-hand"
    assert told["while it runs"] == [
        "parent",
        told["started"],
    ], "what was deleted by hand is gone, what was started is there"
    assert told["in the end"] == ["parent"]


async def test_react_admins_provider(local_controller: Controller) -> None:
    modules = Path(require("ra-data-json-server", CLIENTS / "node_modules"))
    told = await run(
        require("node", "node"), PROGRAMS / "json_server.mjs", modules.parent, local_controller.url, ADMIN
    )
    assert [told[name] for name in ("ra-1", "ra-2", "ra-3")] == ["ra-1", "ra-2", "ra-3"]
    assert told["first"] == {"names": ["ra-3", "ra-2"], "total": 3}
    assert told["second"] == {"names": ["ra-1"], "total": 3}
    assert told["found"] == {"names": ["ra-2"], "total": 1}
    assert (told["one"]["id"], told["one"]["success_count"], told["many"]) == ("ra-2", 1, 3)
    assert (told["executions"]["total"], told["executions"]["data"][0]["success"]) == (1, True)
    assert (told["members"], told["busy"], told["updated"]) == (1, 0, "ann")
    assert (told["deleted"], told["gone"]) == (["ra-1", "ra-2", "ra-3"], 404)
