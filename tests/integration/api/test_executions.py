"""Executions and runs over HTTP: lists, details, output, cancel."""

import asyncio
from typing import Any

import asyncpg
import pytest
from tests.integration.api.conftest import Api, Worker, new_worker

from tocsin_controller.store import history as history_store
from tocsin_shared.ids import new_id


async def started(api: Api, worker: Worker, **definition: Any) -> dict[str, Any]:
    """An execution that runs."""
    job = await api.job(**definition)
    await api.post(f"/api/jobs/{job['id']}/trigger")
    execution = await worker.take_one()
    await worker.start(execution)
    return execution


async def finished(api: Api, worker: Worker, status: str = "succeeded", **definition: Any) -> dict[str, Any]:
    """An execution that has ended."""
    execution = await started(api, worker, **definition)
    await worker.finish(execution, status, **({} if status == "succeeded" else {"reason": "exit_code"}))
    return execution


async def test_an_execution_is_shown_whole(api: Api, worker: Worker) -> None:
    execution = await started(api, worker)
    await worker.write(execution, "hello\n")
    await worker.write(execution, "oops\n", "stderr")
    await worker.finish(
        execution, "failed", reason="exit_code", message="exit code 1", usage={"cpu_secs": 0.25}
    )
    shown = await api.get(f"/api/executions/{execution['execution_id']}")
    expected = {
        "status": "failed",
        "exit_code": 1,
        "reason": "exit_code",
        "message": "exit code 1",
        "stdout": "hello\n",
        "stderr": "oops\n",
        "stdout_truncated": False,
        "stderr_truncated": False,
        "agent_id": worker.id,
        "agent_name": "worker",
        "triggered_by": {"type": "api", "by": "test-admin"},
        "attempt_number": 1,
        "retry_of": None,
        "extracted": None,
        "duration_secs": 1.0,
        "usage": {"cpu_secs": 0.25, "peak_memory_bytes": None},
    }
    assert {key: shown[key] for key in expected} == expected
    assert shown["task_snapshot"]["type"] == "noop"
    assert "params" not in shown


async def test_a_retry_says_what_it_repeats(api: Api, worker: Worker) -> None:
    first = await finished(api, worker, "failed", retry_max=1)
    second = await worker.take_one()
    shown = await api.get(f"/api/executions/{second['execution_id']}")
    assert (shown["attempt_number"], shown["retry_of"]) == (2, first["execution_id"])
    expected = {"type": "retry", "original_execution_id": first["execution_id"], "attempt": 2}
    assert shown["triggered_by"] == expected


async def test_lists_show_the_end_of_the_output_and_say_that_there_is_more(api: Api, worker: Worker) -> None:
    execution = await started(api, worker)
    for n in range(300):
        if n % 50 == 0:
            await worker.write(execution, "".join(f"line é {k:03}\n" for k in range(n, n + 50)))
    await worker.write(execution, "short\n", "stderr")
    await worker.finish(execution)
    (shown,) = (await api.get("/api/executions"))["data"]
    assert len(shown["stdout"]) == 500
    assert shown["stdout"].endswith("line é 299\n")
    assert shown["stdout_truncated"] is True
    assert (shown["stderr"], shown["stderr_truncated"]) == ("short\n", False)
    assert shown["task_snapshot"]["type"] == "noop"


async def test_the_end_is_shown_although_it_came_in_small_pieces(api: Api, worker: Worker) -> None:
    execution = await started(api, worker)
    for word in ("one\n", "two\n", "three\n"):
        await worker.write(execution, word)
    (shown,) = (await api.get("/api/executions"))["data"]
    assert shown["stdout"] == "one\ntwo\nthree\n"


async def test_output_that_was_not_kept_is_marked(api: Api, worker: Worker) -> None:
    execution = await started(api, worker)
    await worker.write(execution, "head\n")
    await worker.write(execution, "tail \xff\n".encode("latin-1"), skip=4096)
    await worker.finish(execution, stdout_truncated=True)
    shown = await api.get(f"/api/executions/{execution['execution_id']}")
    assert shown["stdout"] == "head\n[... 4096 bytes omitted ...]\ntail \ufffd\n"
    assert shown["stdout_truncated"] is True
    raw = await api.call("GET", f"/api/executions/{execution['execution_id']}/output/stdout")
    assert raw.body == b"head\n[... 4096 bytes omitted ...]\ntail \xff\n"
    assert raw.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert raw.headers["X-Content-Type-Options"] == "nosniff"


async def test_large_output_comes_whole(api: Api, worker: Worker) -> None:
    execution = await started(api, worker)
    whole = b""
    for n in range(40):
        piece = bytes([65 + n % 26]) * 60_000
        await worker.write(execution, piece)
        whole += piece
    await worker.finish(execution)
    path = f"/api/executions/{execution['execution_id']}"
    assert (await api.get(path))["stdout"].encode() == whole
    assert (await api.call("GET", path + "/output/stdout")).body == whole
    assert (await api.call("GET", path + "/output/stderr")).body == b""
    assert (await api.call("GET", path + "/output/stdin")).status == 404


@pytest.fixture
async def history(api: Api, worker: Worker) -> dict[str, dict[str, Any]]:
    """Executions by a word for each."""
    other = await new_worker(api, "other")
    mine, theirs = {"type": "agent", "agent_id": worker.id}, {"type": "agent", "agent_id": other.id}
    return {
        "ok": await finished(api, worker, name="etl.ok", group="ETL", target=mine),
        "bad": await finished(api, worker, "failed", name="etl_bad", group="ETL", target=mine),
        "slow": await finished(api, other, "timed_out", name="web", target=theirs),
        "open": await started(api, other, name="web2", target=theirs),
    }


FILTERS: list[tuple[dict[str, str], list[str]]] = [
    ({}, ["open", "slow", "bad", "ok"]),
    ({"status": "failed"}, ["bad"]),
    ({"status": "succeeded"}, ["ok"]),
    ({"status": "running"}, ["open"]),
    ({"status": "cancelled"}, []),
    ({"group": "ETL"}, ["bad", "ok"]),
    ({"group": "ETL", "status": "failed"}, ["bad"]),
    ({"group": "nope"}, []),
    ({"search": "ETL"}, ["bad", "ok"]),
    ({"search": "%"}, []),
    ({"search": "."}, ["ok"]),
    ({"search": "_"}, ["bad"]),
    ({"search": "web", "status": "timed_out"}, ["slow"]),
    ({"since": "2020-01-01T00:00:00Z"}, ["open", "slow", "bad", "ok"]),
    ({"since": "9999-01-01T00:00:00Z"}, []),
    ({"page": "2", "per_page": "3"}, ["ok"]),
    ({"page": "9"}, []),
    ({"per_page": "100000"}, ["open", "slow", "bad", "ok"]),
    ({"job_id": "ok"}, ["ok"]),
    ({"job_id": "ok", "status": "failed"}, []),
    ({"run_id": "bad"}, ["bad"]),
    ({"run_id": "bad", "status": "succeeded"}, []),
    ({"agent_id": "slow"}, ["open", "slow"]),
    ({"agent_id": "slow", "status": "timed_out"}, ["slow"]),
]


async def test_executions_are_found(api: Api, history: dict[str, dict[str, Any]]) -> None:
    words = {e["execution_id"]: word for word, e in history.items()}
    wrong = []
    for query, expected in FILTERS:
        asked = dict(query)
        for key in ("job_id", "run_id", "agent_id"):
            if key in asked:
                shown = await api.get(f"/api/executions/{history[asked[key]]['execution_id']}")
                asked[key] = shown[key]
        found = [words[e["id"]] for e in (await api.get("/api/executions", params=asked))["data"]]
        if found != expected:
            wrong.append((query, found))
    assert wrong == []


async def test_cursors_reach_every_execution_once_whatever_is_added(api: Api, worker: Worker) -> None:
    job = await api.job()
    ids: list[str] = []
    for _ in range(7):
        ids += (await api.post(f"/api/jobs/{job['id']}/trigger"))["execution_ids"]
    for path in (
        "/api/executions",
        f"/api/jobs/{job['id']}/executions",
        f"/api/executions?run_id={new_id()}",
    ):
        seen: list[str] = []
        after: str | None = ""
        while after is not None:
            page = await api.get(path, params={"per_page": "3", "after": after})
            seen += [e["id"] for e in page["data"]]
            after = page["next"]
            await api.post(f"/api/jobs/{job['id']}/trigger")
        assert seen == ([] if "run_id" in path else sorted(seen, reverse=True))
        assert "run_id" in path or set(ids) <= set(seen)
    answer = await api.call("GET", "/api/executions?after=nonsense")
    assert [d["field"] for d in answer.json["details"]] == ["after"]


async def test_a_long_history_is_not_counted_to_its_end(api: Api, connection: asyncpg.Connection) -> None:
    job = await api.job()
    await connection.execute(
        "INSERT INTO executions (id, run_id, job_id, job_version, status, finished_at) "
        "SELECT (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint - 100000 + n), 12, '0') || '70008000' "
        "|| lpad(to_hex(n), 12, '0'))::uuid, $1, $1, 1, 'succeeded', now() FROM generate_series(1, 12000) AS n",
        job["id"],
    )
    page = await api.get("/api/executions?per_page=100")
    assert page["total"] >= 5_000
    assert page["total_is_capped"] is True
    seen, after = 0, ""
    while after is not None:
        page = await api.get("/api/executions", params={"per_page": "100", "after": after})
        seen += len(page["data"])
        after = page["next"]
    assert seen == 12_000
    none = await api.get("/api/executions?status=succeeded&group=nope")
    assert (none["data"], none["next"]) == ([], None)


async def test_a_run_with_more_executions_than_are_looked_at_says_so(
    api: Api, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_store, "WINDOW", 3)
    job = await api.job(group="many")
    run_id = (await api.post(f"/api/jobs/{job['id']}/trigger"))["run_id"]
    ids = [str(new_id()) for _ in range(7)]
    await connection.executemany(
        "INSERT INTO executions (id, run_id, job_id, job_version, status, finished_at) "
        "VALUES ($1::uuid, $2::uuid, $3::uuid, 1, 'failed', now())",
        [(one, run_id, job["id"]) for one in ids],
    )
    run = await api.get(f"/api/runs/{run_id}")
    assert (run["is_truncated"], [e["id"] for e in run["executions"]]) == (True, ids[-3:])
    page = await api.get(f"/api/executions?run_id={run_id}&per_page=2")
    assert (page["total"], page["total_is_capped"]) == (3, True)
    for query, expected in (("", ids), ("&group=many&status=failed", ids), ("&group=other", [])):
        seen, after = [], ""
        while after is not None:
            asked = {"per_page": "2", "after": after}
            page = await api.get(f"/api/executions?run_id={run_id}{query}", params=asked)
            seen += [e["id"] for e in page["data"] if e["status"] == "failed"]
            after = page["next"]
        assert seen == expected[::-1], query
    assert page["total_is_capped"] is False


async def test_recent_statuses_are_the_newest_ten_of_each_job(api: Api, worker: Worker) -> None:
    job = await api.job(name="often")
    for n in range(12):
        await api.post(f"/api/jobs/{job['id']}/trigger")
        execution = await worker.take_one()
        await worker.finish(execution, "failed" if n == 11 else "succeeded")
    await api.post(f"/api/jobs/{job['id']}/trigger")
    for query in ("", f"?job_ids={job['id']},{new_id()}"):
        recent = await api.get(f"/api/executions/recent-statuses{query}")
        assert list(recent) == [job["id"]]
        assert [r["status"] for r in recent[job["id"]]] == ["failed"] + ["succeeded"] * 9
    assert (await api.call("GET", "/api/executions/recent-statuses?job_ids=x")).status == 400


async def test_what_waits_is_cancelled_at_once(api: Api) -> None:
    job = await api.job()
    (execution_id,) = (await api.post(f"/api/jobs/{job['id']}/trigger"))["execution_ids"]
    answer = await api.post(f"/api/executions/{execution_id}/cancel")
    assert answer == {
        "message": "the execution is cancelled",
        "execution_id": execution_id,
        "status": "cancelled",
    }
    again = await api.post(f"/api/executions/{execution_id}/cancel")
    assert again["message"] == "the execution had already ended: cancelled"


async def test_what_runs_is_cancelled_only_once_its_agent_says_so(api: Api, worker: Worker) -> None:
    execution = await started(api, worker)
    path = f"/api/executions/{execution['execution_id']}"
    answer = await api.post(path + "/cancel")
    assert (answer["message"], answer["status"]) == ("cancel requested", "cancelling")
    shown = await api.get(path)
    assert shown["status"] == "running"
    assert shown["cancel_requested_at"] is not None
    await worker.finish(execution, "cancelled", reason="cancelled")
    assert (await api.get(path))["status"] == "cancelled"


async def test_runs_are_listed_read_and_cancelled(api: Api, worker: Worker) -> None:
    job = await api.job(target={"type": "all"})
    launched = await api.post(f"/api/jobs/{job['id']}/trigger")
    await api.post(f"/api/jobs/{job['id']}/trigger")
    page = await api.get(f"/api/runs?job_id={job['id']}&status=pending&since=2020-01-01T00:00:00Z")
    assert page["total"] == 2
    assert page["data"] == (await api.get(f"/api/jobs/{job['id']}/runs?limit=5"))["data"]
    path = f"/api/runs/{launched['run_id']}"
    answer = await api.post(path + "/cancel")
    assert answer["execution_ids"] == launched["execution_ids"]
    run = await api.get(path)
    assert (run["status"], run["open_executions"], run["cancelled"]) == ("cancelled", 0, 1)
    assert [e["status"] for e in run["executions"]] == ["cancelled"]
    assert (await api.post(path + "/cancel"))["message"] == "the run had already ended"


async def test_a_run_names_the_agents_it_did_not_reach(
    api: Api, worker: Worker, connection: asyncpg.Connection
) -> None:
    away = await new_worker(api, "away")
    await connection.execute("UPDATE agents SET status = 'offline' WHERE name = 'away'")
    job = await api.job(target={"type": "all"})
    launched = await api.post(f"/api/jobs/{job['id']}/trigger")
    run = await api.get(f"/api/runs/{launched['run_id']}")
    assert run["not_reached"] == [{"agent_id": away.id, "name": "away", "why": "offline"}]


@pytest.mark.parametrize("kind", ["executions", "runs"])
async def test_unknown_ids_are_not_found(api: Api, kind: str) -> None:
    for ref in (new_id(), "nonsense", "1 OR 1=1", "%00", "%ff", "';DROP TABLE jobs"):
        answer = await api.call("GET", f"/api/{kind}/{ref}")
        assert (answer.status, answer.json["code"]) == (404, "not_found")
    assert (await api.call("POST", f"/api/{kind}/{new_id()}/cancel")).status == 404


async def test_an_execution_waits_for_its_agent_and_says_which(api: Api, worker: Worker) -> None:
    job = await api.job()
    await api.post(f"/api/jobs/{job['id']}/trigger")
    taken = asyncio.create_task(worker.take_one())
    execution = await taken
    shown = await api.get(f"/api/executions/{execution['execution_id']}")
    assert (shown["status"], shown["agent_name"], shown["fence"]) == ("pending", "worker", execution["fence"])
