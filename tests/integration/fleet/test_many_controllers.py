"""Several controllers on one database: any of them may stop, freeze or be replaced at any moment."""

import asyncio
import signal
from collections.abc import Sequence
from urllib.parse import urlsplit

import aiohttp
from tests.integration.fleet.conftest import Fleet

from tocsin_shared.ids import new_id

EVERY_SECOND = {"type": "cron", "value": "* * * * * *"}


async def trigger_with_one_retry(fleet: Fleet, job: str, urls: Sequence[str], number: int) -> str:
    """As a client behind a load balancer: one controller, and once more another; the execution's id."""
    headers = {"Idempotency-Key": str(new_id())}
    for attempt in range(2):
        url = urls[(number + attempt) % len(urls)]
        try:
            async with fleet.http.post(f"{url}/api/jobs/{job}/trigger", json={}, headers=headers) as answer:
                if answer.status < 300:
                    return str((await answer.json())["execution_ids"][0])
                assert answer.status == 503, await answer.text()
        except aiohttp.ClientError:
            pass
    raise AssertionError(f"request {number} failed twice")


async def test_a_rolling_restart_loses_no_request_that_is_retried_once(fleet: Fleet) -> None:
    names = ("first", "second")
    urls = [await fleet.controller(name) for name in names]
    for name, url in zip(names, urls, strict=True):
        await fleet.agent(f"near-{name}", url=url)
    job = await fleet.job("true")
    is_over = asyncio.Event()

    async def load() -> list[str]:
        executions: list[str] = []
        while not is_over.is_set():
            executions.append(await trigger_with_one_retry(fleet, job, urls, len(executions)))
            await asyncio.sleep(0.05)
        return executions

    loading = asyncio.create_task(load())
    for name, url in zip(names, urls, strict=True):
        await asyncio.sleep(1)
        fleet.signal(name, signal.SIGTERM)
        await asyncio.to_thread(fleet.processes[name].wait, 30)
        await fleet.controller(name, port=urlsplit(url).port)
    await asyncio.sleep(1)
    is_over.set()
    executions = await loading
    assert len(executions) == len(set(executions)) > 20
    for execution in executions:
        assert (await fleet.ended(execution, secs=30))["status"] == "succeeded"


async def test_a_frozen_controller_of_three_is_late_at_most_and_doubles_nothing(fleet: Fleet) -> None:
    urls = [await fleet.controller(name) for name in ("first", "second", "third")]
    await fleet.agent("one", url=urls[1])
    job = await fleet.job("true", schedule=EVERY_SECOND)
    await asyncio.sleep(2)
    fleet.signal("first", signal.SIGSTOP)
    await asyncio.sleep(7)
    fleet.signal("first", signal.SIGCONT)
    await asyncio.sleep(1)
    runs = (await fleet.get(f"/api/runs?job_id={job}&per_page=100", url=urls[2]))["data"]
    instants = sorted(run["scheduled_for"] for run in runs)
    assert len(instants) == len(set(instants)) >= 8
    assert {run["status"] for run in runs} <= {"succeeded", "running", "pending"}
