"""Processors of Dkron's jobs get what was printed: real files, a real socket of syslog, a real receiver of fluentd."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.compat.conftest import PATIENCE_SECS, Controller, a_controller
from tests.services.fluentd import fluentd

from tocsin_controller.store.database import Database

FORWARD = {"forward": "true"}


def job(**processors: dict[str, str]) -> dict[str, Any]:
    return {
        "name": "a", "schedule": "@manually", "tags": {"server": "true"}, "processors": processors,
        "executor": "shell", "executor_config": {"command": "echo one; echo two >&2", "shell": "true"},
    }  # fmt: skip


async def run(controller: Controller) -> None:
    await controller.call("POST", "/v1/jobs/a")


async def output_once(controller: Controller, is_so: Callable[[str], bool]) -> str:
    """What the newest execution is said to have printed, once that is so."""
    async with asyncio.timeout(PATIENCE_SECS):
        while True:
            output = str((await controller.call("GET", "/v1/jobs/a/executions"))[0].get("output", ""))
            if is_so(output):
                return output
            await asyncio.sleep(0.05)


async def events(controller: Controller, kind: str) -> list[dict[str, Any]]:
    async with asyncio.timeout(PATIENCE_SECS):
        while True:
            found = [e for e in (await controller.call("GET", "/api/events"))["data"] if e["kind"] == kind]
            if found:
                return found
            await asyncio.sleep(0.05)


async def test_output_goes_to_every_processor_and_without_forward_nowhere_else(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as syslog:
        syslog.bind(str(tmp_path / "log"))
        syslog.settimeout(PATIENCE_SECS)
        async with (
            fluentd() as receiver,
            a_controller(
                database,
                database_url=database_url,
                state_dir=str(tmp_path / "state"),
                output_directories=[str(tmp_path)],
                output_syslog=str(tmp_path / "log"),
                output_fluent=f"tcp://127.0.0.1:{receiver.port}/dkron",
                output_log=True,
            ) as controller,
        ):
            files = {"log_dir": str(logs)}
            sent = job(files=files | FORWARD, syslog=FORWARD, fluent=FORWARD, log=FORWARD, mail=FORWARD)
            saved = await controller.call("POST", "/v1/jobs", sent)
            assert saved["processors"] == sent["processors"]
            await run(controller)
            lines = [(await asyncio.to_thread(syslog.recv, 2_000)).decode() for _ in range(2)]
            assert [line.rsplit(" ", 1)[1] for line in lines] == ["one", "two"]
            assert " tocsin: job=a execution=" in lines[0]
            async with asyncio.timeout(PATIENCE_SECS):
                while not (receiver.events and any(logs.glob("*.log"))):
                    await asyncio.sleep(0.05)
            ((tag, _, record),) = receiver.events
            assert (tag, record["job_name"], record["output"]) == ("dkron", "a", "one\ntwo\n")
            (written,) = logs.iterdir()
            assert written.read_text() == "one\ntwo\n"
            assert await output_once(controller, bool) == "one\ntwo\n"

            await controller.call("POST", "/v1/jobs", job(files=files, fluent=FORWARD))
            await run(controller)
            pointer = await output_once(controller, lambda output: "output is in" in output)
            assert len(receiver.events) == 2
            where = pointer.splitlines()[0].removeprefix(f"output is in {socket.gethostname()}:")
            assert Path(where).read_text() == "one\ntwo\n"
            assert pointer.splitlines()[1:] == ["output is in fluent (dkron)"]
            ours = await controller.call("GET", "/api/jobs/a")
            assert ours["output_rules"]["sinks"] == [
                {"type": "file", "directory": str(logs), "keep_output": False},
                {"type": "fluent", "keep_output": True},
            ]
            rules = {"sinks": [{"type": "log"}]}
            await controller.call("PUT", f"/api/jobs/{ours['id']}", {"output_rules": rules})
            shown = await controller.call("GET", "/v1/jobs/a")
            assert shown["processors"] == {"log": FORWARD}


async def test_output_is_kept_where_no_processor_was_opened(local_controller: Controller) -> None:
    relative = job(files={"log_dir": "logs"})
    async with local_controller.http.post(f"{local_controller.url}/v1/jobs", json=relative) as answer:
        assert (answer.status, await answer.text()) == (
            400,
            "processors.0.directory: must be an absolute path",
        )
    await local_controller.call("POST", "/v1/jobs", job(files={}, syslog={}))
    await run(local_controller)
    (told,) = await events(local_controller, "output.sink_failed")
    assert "file: output_directories does not hold '/var/log/dkron'" in told["details"]
    assert "syslog: this controller's operator has not opened it (output_syslog)" in told["details"]
    assert await output_once(local_controller, bool) == "one\ntwo\n"
