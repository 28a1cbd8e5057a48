"""A secret from the API to a process and back: it is used, and found nowhere afterwards."""

import base64
import signal
from collections.abc import Mapping
from pathlib import Path

import asyncpg
from tests.integration.fleet.conftest import Fleet
from tests.net import free_port

from tocsin_controller.security.sealing import new_key
from tocsin_shared.ids import new_id

SECRET = "c0rrect-h0rse:battery/staple"
FORMS = (SECRET.encode(), base64.b64encode(SECRET.encode())[:16], SECRET.encode().hex().encode())
MASK = "*" * len(SECRET)
PIECES = "for c in c0rrect- h0rse:b attery/ staple; do printf %s $c; sleep 0.02; done; : {{PW}}"


async def store_secret(fleet: Fleet) -> None:
    await fleet.post("/api/variables", {"name": "PW", "value": SECRET, "secret": True})


async def output_of(fleet: Fleet, execution_id: str) -> str:
    execution = await fleet.ended(execution_id, secs=60)
    return str(execution["stdout"] + execution["stderr"])


async def start(fleet: Fleet, task: Mapping[str, object], **more: object) -> str:
    body = {
        "name": f"job-{new_id()}", "task": task, "schedule": {"type": "on_demand"}, "target": {"type": "any"}, **more,
    }  # fmt: skip
    job = await fleet.post("/api/jobs", body)
    return str((await fleet.post(f"/api/jobs/{job['id']}/trigger"))["execution_ids"][0])


async def dump(url: str) -> bytes:
    """Everything in every table, as text; bytes in hexadecimal."""
    connection = await asyncpg.connect(url)
    try:
        names = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        rows = [await connection.fetch(f"SELECT t::text FROM {row['tablename']} AS t") for row in names]  # noqa: S608  ours
        return "\n".join(str(row[0]) for table in rows for row in table).encode()
    finally:
        await connection.close()


def files(directory: Path) -> dict[str, bytes]:
    """What stands in every file below a directory."""
    return {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


async def test_a_secret_is_used_and_found_nowhere_afterwards(fleet: Fleet) -> None:
    await fleet.controller(encryption_key=new_key(), log_level="debug", log_format="json")
    await fleet.agent("a", log_level="debug")
    await store_secret(fleet)
    closed = free_port()
    shell = {
        "plain": "echo {{PW}}; printf %s {{PW}} | wc -c",
        "pieces": PIECES,
        "base64": "printf 'xx%s' {{PW}} | base64",
        "error": "echo \"wrong password: {{PW}}\" >&2; exit 1",
        "traced": "set -x; : '{{PW}}'",
    }  # fmt: skip
    started = {name: await fleet.run(command) for name, command in shell.items()}
    environment = {"type": "shell", "command": 'echo "$A"; cat', "env": {"A": "{{PW}}"}, "stdin": "{{PW}}"}
    started["environment"] = await start(fleet, environment)
    started["nowhere"] = await start(fleet, {**environment, "working_dir": "/nowhere/{{PW}}"})
    started["noop"] = await start(fleet, {"type": "noop", "output": "x{{PW}}y"})
    url = f"http://127.0.0.1:{closed}/{{{{PW}}}}"
    started["http"] = await start(fleet, {"type": "http", "method": "get", "url": url})
    started["local"] = await start(
        fleet, {"type": "shell", "command": "echo {{PW}}"}, target={"type": "local"}
    )
    printed = {name: await output_of(fleet, one) for name, one in started.items()}

    assert printed["plain"] == f"{MASK}\n{len(SECRET)}\n"
    assert printed["pieces"] == MASK
    assert "****" in printed["base64"]
    assert printed["error"] == f"wrong password: {MASK}\n"
    assert MASK in printed["traced"]
    assert printed["environment"] == f"{MASK}\n{MASK}"
    assert printed["noop"] == f"x{MASK}y"
    assert printed["local"] == f"{MASK}\n"
    held = {**files(fleet.directory), "database": await dump(fleet.database_url)}
    for form in FORMS:
        assert [name for name, content in held.items() if form in content] == []


async def test_an_agent_that_was_killed_and_comes_back_tells_no_secret_either(fleet: Fleet) -> None:
    await fleet.controller(encryption_key=new_key())
    await fleet.agent("a")
    await store_secret(fleet)
    gate = fleet.directory / "gate"
    command = f"printf c0rrect-; while [ ! -e {gate} ]; do sleep 0.05; done; echo h0rse:battery/staple; echo {{{{PW}}}}"
    execution_id = await fleet.run(command)
    await fleet.started(execution_id)
    fleet.signal("a", signal.SIGKILL)
    assert not [name for name, content in files(fleet.directory / "agent-a").items() if FORMS[0] in content]
    fleet.start_agent("a")
    gate.touch()
    assert await output_of(fleet, execution_id) == f"{MASK}\n{MASK}\n"


async def test_a_controller_with_another_key_does_not_start_and_says_why(fleet: Fleet) -> None:
    await fleet.controller(encryption_key=new_key())
    await store_secret(fleet)
    fleet.stop()
    try:
        await fleet.controller("other", encryption_key=new_key())
    except AssertionError:
        log = fleet.log("other")
    assert fleet.processes["other"].wait() == 78
    (line,) = [line for line in log.splitlines() if line.startswith("tocsin-controller: ")]
    assert "this database holds secrets under encryption key" in line
