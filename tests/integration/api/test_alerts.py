"""Late, long, short, missing and failing runs are told, each once, with two controllers looking."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from tests.integration.api.conftest import Api, Serve, Worker


@pytest.fixture
async def two(serve: Serve) -> AsyncIterator[Api]:
    """Two controllers on one database; the calls go to one of them."""
    async with serve() as one, serve():
        yield one.api.as_role("admin")


async def told(api: Api, job: dict[str, Any], *expected: str) -> None:
    """These events of the job have been written, and no other alerts."""
    kinds: Counter[str] = Counter()
    for _ in range(600):
        page = await api.get("/api/events?per_page=100")
        kinds = Counter(e["kind"] for e in page["data"] if e["job_id"] == job["id"] and _is_alert(e["kind"]))
        if kinds == Counter(expected):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(kinds)


def _is_alert(kind: str) -> bool:
    return kind.startswith("sla.") or kind in {
        "job.late_start", "job.too_long", "job.too_short", "job.missing_run", "job.failing", "job.recovered",
    }  # fmt: skip


async def run_to_end(api: Api, worker: Worker, job: dict[str, Any], status: str, **more: Any) -> None:
    await api.post(f"/api/jobs/{job['id']}/trigger")
    execution = await worker.take_one()
    await worker.finish(execution, status, **more)


async def set_deadline(connection: asyncpg.Connection, job: dict[str, Any], due: str, about: str) -> None:
    await connection.execute(
        f"UPDATE watches SET due_at = now() + interval '{due}', about = now() + interval '{about}' "  # noqa: S608  ours
        "WHERE job_id = $1 AND kind = 'sla'",
        UUID(job["id"]),
    )


async def test_a_deadline_is_warned_of_and_told_once(two: Api, connection: asyncpg.Connection) -> None:
    job = await two.job(sla_deadline="06:00", sla_warning_mins=15, timezone="Europe/Berlin")
    idle = await two.job(sla_deadline="06:00")
    await two.post(f"/api/jobs/{job['id']}/trigger")  # nobody takes it
    await set_deadline(connection, job, "0 s", "1 hour")
    await told(two, job, "sla.warning")
    await set_deadline(connection, job, "0 s", "0 s")
    await set_deadline(connection, idle, "0 s", "0 s")
    await told(two, job, "sla.warning", "sla.breach")
    ahead = "SELECT count(*) FROM watches WHERE kind = 'sla' AND due_at > now() AND about > now()"
    for _ in range(600):
        if await connection.fetchval(ahead) == 2:
            break
        await asyncio.sleep(0.05)
    assert await connection.fetchval(ahead) == 2
    await told(two, idle)  # nothing was due


async def test_late_and_long_runs_are_told_while_they_last(two: Api, worker: Worker) -> None:
    job = await two.job(alerts={"late_start_secs": 1, "expected_max_secs": 1})
    await two.post(f"/api/jobs/{job['id']}/trigger")
    await told(two, job, "job.late_start")
    execution = await worker.take_one()
    await worker.start(execution)
    await told(two, job, "job.late_start", "job.too_long")
    await worker.finish(execution)
    await told(two, job, "job.late_start", "job.too_long")


async def test_failures_in_a_row_and_runs_that_are_too_short_are_told(
    two: Api, worker: Worker, connection: asyncpg.Connection
) -> None:
    job = await two.job(alerts={"alert_after_failures": 2, "expected_min_secs": 60})
    for _ in range(3):
        await run_to_end(two, worker, job, "failed")
    await told(two, job, "job.failing")
    await run_to_end(two, worker, job, "succeeded")
    await run_to_end(two, worker, job, "succeeded", started_age_secs=100)
    await told(two, job, "job.failing", "job.recovered", "job.too_short")
    nowhere = await two.job(target={"type": "all"}, task={"type": "http", "method": "get", "url": "http://localhost"},
                            alerts={"alert_after_failures": 1})  # fmt: skip
    await two.post(f"/api/jobs/{nowhere['id']}/trigger")  # fails at once: no agent runs this
    await told(two, nowhere, "job.failing")
    for gone in (job, nowhere):
        await two.delete(f"/api/jobs/{gone['id']}")
    assert await connection.fetchval("SELECT count(*) FROM streaks") == 0
    assert await connection.fetchval("SELECT count(*) FROM watches") == 0


async def test_a_missing_success_is_told_once_until_there_is_one(api: Api, worker: Worker) -> None:
    job = await api.job(alerts={"expect_every_secs": 1})
    await told(api, job, "job.missing_run")
    await run_to_end(api, worker, job, "succeeded")
    await told(api, job, "job.missing_run", "job.missing_run")
    await api.put(f"/api/jobs/{job['id']}", {"alerts": None})
    await run_to_end(api, worker, job, "succeeded")
    await told(api, job, "job.missing_run", "job.missing_run")


async def test_what_does_not_fit_is_refused_with_its_field(api: Api) -> None:
    body = {"name": "a", "task": {"type": "noop"}, "schedule": "on_demand"}
    for wrong, field in (
        ({"sla_deadline": "25:00"}, "sla_deadline"),
        ({"sla_warning_mins": 1440}, "sla_warning_mins"),
        ({"alerts": {"late_start_secs": 0}}, "alerts.late_start_secs"),
        ({"alerts": {"expected_min_secs": 9, "expected_max_secs": 3}}, "alerts"),
        ({"overlap": "queue"}, "overlap"),
        ({"concurrency": {"key": "!"}}, "concurrency.key"),
        ({"max_per_agent": 0}, "max_per_agent"),
    ):
        answer = await api.call("POST", "/api/jobs", body | wrong)
        assert (answer.status, answer.json["details"][0]["field"]) == (400, field)
