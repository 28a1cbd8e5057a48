"""Output rules over HTTP: saved, refused, shown, and results sent on."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest
from aiohttp import web
from tests.integration.api.conftest import Api, Serve, Worker, new_worker
from tests.net import free_port
from tests.services.fluentd import fluentd
from tests.services.sinks import eventually

from tocsin_controller.store.database import Database
from tocsin_controller.store.outbox import OutboxEntry
from tocsin_controller.workflow.couriers import NotSent, outside
from tocsin_controller.workflow.sinks.outlets import Outlets
from tocsin_controller.workflow.sinks.sending import Sinks
from tocsin_shared.ids import new_id
from tocsin_shared.network import Reach

RULES = {
    "extractions": [{"name": "count", "pattern": "$.results.count", "type": "jsonpath"}],
    "triggers": [{"pattern": "ERROR|FATAL", "severity": "error"}],
    "assertions": [{"pattern": "OK", "message": "not OK"}],
}


async def finished(api: Api, worker: Worker, job: dict[str, Any], stdout: str) -> dict[str, Any]:
    """An execution of the job that has ended and been judged."""
    await api.post(f"/api/jobs/{job['id']}/trigger")
    execution = await worker.take_one()
    await worker.start(execution)
    await worker.write(execution, stdout)
    await worker.finish(execution)
    for _ in range(1_200):
        shown = dict(await api.get(f"/api/executions/{execution['execution_id']}"))
        if shown["finished_at"]:
            return shown
        await asyncio.sleep(0.025)
    raise AssertionError("it is never judged")


async def test_rules_are_kept_as_they_were_sent(api: Api) -> None:
    job = await api.job(output_rules=RULES)
    assert job["output_rules"] == RULES
    again = await api.put(f"/api/jobs/{job['id']}", job)
    assert again["version"] == 1, "sent back as it was read, it is the same"
    cleared = await api.put(f"/api/jobs/{job['id']}", {"output_rules": None})
    assert (cleared["output_rules"], cleared["version"]) == (None, 2)
    tutorial = await api.job(output_rules={"extractions": [{"name": "x", "pattern": "a(b)"}]})
    assert tutorial["output_rules"]["extractions"] == [{"name": "x", "pattern": "a(b)", "type": "regex"}]


async def test_what_can_not_be_applied_is_refused_with_its_place(api: Api) -> None:
    rules = {
        "extractions": [{"name": "x", "pattern": "$.a[", "type": "jsonpath"}],
        "triggers": [{"pattern": "(?=a)"}],
        "forward_url": "http://169.254.169.254/",
    }
    body = {"name": "x", "task": {"type": "noop"}, "schedule": {"type": "on_demand"}, "output_rules": rules}
    answer = await api.call("POST", "/api/jobs", body)
    assert answer.status == 400
    assert {detail["field"] for detail in answer.json["details"]} == {
        "output_rules.extractions.0.pattern",
        "output_rules.triggers.0.pattern",
        "output_rules.forward_url",
    }
    body["output_rules"] = {"assertions": [{"pattern": "x"}] * 21}
    answer = await api.call("POST", "/api/jobs", body)
    assert answer.json["details"] == [
        {"field": "output_rules.assertions", "reason": "must have at most 20 items"}
    ]


async def test_what_was_found_is_shown(api: Api, worker: Worker) -> None:
    job = await api.job(output_rules=RULES)
    shown = await finished(api, worker, job, '{"results": {"count": 7}, "state": "ERROR"}')
    assert shown["extracted"] == {"count": "7"}
    assert (shown["status"], shown["reason"]) == ("failed", "assertion_failed")
    assert shown["message"] == "assertion failed: not OK"
    assert shown["stderr"] == "[assertion failed] not OK\n"
    events = [e for e in (await api.get("/api/events"))["data"] if e["kind"] == "output.matched"]
    assert [e["severity"] for e in events] == ["error"]
    assert (await finished(api, worker, await api.job(), "x"))["extracted"] is None


async def test_a_result_is_forwarded_until_it_is_taken(serve: Serve) -> None:
    got: list[dict[str, Any]] = []

    async def take(request: web.Request) -> web.Response:
        got.append(orjson.loads(await request.read()) | {"key": request.headers["Idempotency-Key"]})
        return web.Response(status=204)

    sink = web.Application()
    sink.router.add_post("/results", take)
    runner = web.AppRunner(sink)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        async with serve(forward_allowed_networks=["127.0.0.0/8"]) as served:
            worker = await new_worker(served.api)
            job = await served.api.job(output_rules={"forward_url": f"http://127.0.0.1:{port}/results"})
            shown = await finished(served.api, worker, job, "hello")
            for _ in range(1_200):
                if got:
                    break
                await asyncio.sleep(0.025)
    finally:
        await runner.cleanup()
    assert got == [
        {
            "job_id": job["id"],
            "execution_id": shown["id"],
            "status": "succeeded",
            "exit_code": shown["exit_code"],
            "stdout": "hello",
            "stderr": "",
            "started_at": shown["started_at"],
            "finished_at": shown["finished_at"],
            "key": shown["id"],
        }
    ]


async def handed_over(connection: asyncpg.Connection) -> None:
    """All sinks have all results."""
    for _ in range(1_200):
        if not await connection.fetchval("SELECT EXISTS (SELECT FROM outbox WHERE kind = 'sink')"):
            return
        await asyncio.sleep(0.025)
    raise AssertionError("it is never handed over")


async def test_output_is_replaced_only_where_all_of_it_is_for_certain(
    serve: Serve, connection: asyncpg.Connection, tmp_path: Path
) -> None:
    async def kept(api: Api, worker: Worker, *sinks: dict[str, Any]) -> str:
        """What is kept of an execution once its sinks have it."""
        job = await api.job(output_rules={"sinks": [{**sink, "keep_output": False} for sink in sinks]})
        shown = await finished(api, worker, job, "x" * 3_000)
        await handed_over(connection)
        return str((await api.get(f"/api/executions/{shown['id']}"))["stdout"])

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as syslog:
        syslog.bind(str(tmp_path / "log"))
        opened = {"output_log": True, "output_syslog": str(tmp_path / "log")}
        async with serve(output_directories=[str(tmp_path)], **opened) as served:
            worker = await new_worker(served.api)
            cut = {"type": "log"}, {"type": "syslog"}
            assert await kept(served.api, worker, *cut) == "x" * 3_000
            pointer = await kept(served.api, worker, *cut, {"type": "file", "directory": str(tmp_path)})
    where = pointer.removeprefix(f"output is in {socket.gethostname()}:").rstrip("\n")
    assert Path(where).read_text() == "x" * 3_000


async def test_sinks_get_a_result_at_the_same_time_and_from_whoever_has_claimed_it(
    serve: Serve, database: Database, connection: asyncpg.Connection, tmp_path: Path
) -> None:
    is_written = asyncio.Event()
    to_file = {"type": "file", "directory": str(tmp_path), "keep_output": True}
    async with fluentd(until=is_written) as slow:
        opened = {"output_fluent": f"tcp://127.0.0.1:{slow.port}", "output_directories": [str(tmp_path)]}
        async with serve(**opened) as served:
            worker = await new_worker(served.api)
            job = await served.api.job(output_rules={"sinks": [{"type": "fluent"}, to_file]})
            shown = await finished(served.api, worker, job, "hello")
            await eventually(lambda: any(tmp_path.glob("*.log")))
            is_written.set()
            await handed_over(connection)
    assert len(slow.events) == 1, "it is handed over once, to both"
    (written,) = tmp_path.iterdir()
    written.unlink()
    payload = {"execution_id": shown["id"], "sinks": [to_file], "taken": {}}
    async with outside(Reach()) as http:
        with pytest.raises(NotSent, match="another controller"):
            await Sinks(database, Outlets(directories=(tmp_path,))).send(
                http, OutboxEntry(new_id(), payload, 0)
            )
    assert list(tmp_path.iterdir()) == []
