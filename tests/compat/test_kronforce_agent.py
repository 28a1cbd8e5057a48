"""An agent written for Kronforce's documented pull protocol, to the letter: it knows nothing of our keys."""

import time
from typing import Any
from uuid import UUID

import pytest
from tests.compat.conftest import AGENT, Controller

HEADERS = {"Authorization": f"Bearer {AGENT}"}

REGISTRATION = {
    "name": "legacy",
    "tags": ["printer"],
    "hostname": "raspi-7",
    "address": "10.0.4.7",
    "port": 0,
    "agent_type": "custom",
    "task_types": [
        {
            "name": "greet",
            "description": "Says hello",
            "fields": [{"name": "who", "label": "Who", "field_type": "text", "required": True}],
        }
    ],
    "system_info": {
        "os": "linux", "arch": "arm64", "cpus": 4, "memory_mb": 2048, "os_version": "12", "agent_version": "0.3",
    },
}  # fmt: skip

#: The documented keys of an item; there may be more.
ITEM_KEYS = {
    "queue_id", "execution_id", "job_id", "agent_id", "task", "run_as", "timeout_secs", "callback_url",
}  # fmt: skip


class Legacy:
    """Calls as that agent makes them."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self.agent_id = ""

    async def register(self) -> dict[str, Any]:
        answer: dict[str, Any] = await self._json("POST", "/api/agents/register", REGISTRATION)
        self.agent_id = answer["agent_id"]
        return answer

    async def next(self, query: str = "") -> dict[str, Any] | None:
        url = f"{self._controller.url}/api/agent-queue/{self.agent_id}/next{query}"
        async with self._controller.http.get(url, headers=HEADERS) as answer:
            if answer.status == 204:
                assert await answer.read() == b""
                return None
            assert answer.status == 200, await answer.text()
            item: dict[str, Any] = await answer.json()
            return item

    async def heartbeat(self, running: list[str]) -> Any:
        body = {"agent_id": self.agent_id, "running_executions": running}
        return await self._json("POST", f"/api/agents/{self.agent_id}/heartbeat", body)

    async def report(self, item: dict[str, Any], **changes: Any) -> Any:
        """The callback with every documented key, to the address that came with the item."""
        body = {
            "execution_id": item["execution_id"],
            "job_id": item["job_id"],
            "agent_id": item["agent_id"],
            "status": "succeeded",
            "exit_code": 0,
            "stdout": "hello\n",
            "stderr": "",
            "stdout_truncated": False,
            "stderr_truncated": False,
            "started_at": "2026-03-01T08:00:00.123456Z",
            "finished_at": "2026-03-01T08:00:01.123456Z",
        }
        return await self._json("POST", item["callback_url"], {**body, **changes})

    async def task_types(self) -> Any:
        return await self._json("GET", f"/api/agents/{self.agent_id}/task-types")

    async def _json(self, method: str, url: str, body: Any = None) -> Any:
        url = url if url.startswith("http") else self._controller.url + url
        async with self._controller.http.request(method, url, json=body, headers=HEADERS) as answer:
            assert answer.status == 200, (url, answer.status, await answer.text())
            return await answer.json()


@pytest.fixture
async def legacy(controller: Controller) -> Legacy:
    """That agent, registered."""
    agent = Legacy(controller)
    await agent.register()
    return agent


async def test_it_registers_and_keeps_its_id(controller: Controller, legacy: Legacy) -> None:
    first = await legacy.register()
    again = await legacy.register()
    assert str(UUID(first["agent_id"])) == first["agent_id"]
    assert first["heartbeat_interval_secs"] == 10
    assert again["agent_id"] == first["agent_id"]
    shown = await controller.agent_named("legacy")
    assert (shown["id"], shown["agent_type"], shown["hostname"]) == (first["agent_id"], "custom", "raspi-7")


async def test_an_empty_queue_is_204_at_once_or_after_the_wait(legacy: Legacy) -> None:
    assert await legacy.next() is None
    began = time.monotonic()
    assert await legacy.next("?wait=1") is None
    assert 0.8 < time.monotonic() - began < 5


async def test_an_item_has_the_documented_keys(controller: Controller, legacy: Legacy) -> None:
    job_id = await controller.custom_job("greeting", {"who": "you", "times": 2.0}, timeout_secs=60)
    execution_id = await controller.trigger(job_id)
    item = await legacy.next("?wait=5")
    assert item is not None
    assert item.keys() >= ITEM_KEYS
    assert item["task"] == {
        "type": "custom",
        "agent_task_type": "greet",
        "data": {"who": "you", "times": 2.0},
    }
    assert (item["execution_id"], item["job_id"]) == (execution_id, job_id)
    assert (item["agent_id"], item["timeout_secs"], item["run_as"]) == (legacy.agent_id, 60, None)
    assert item["callback_url"] == f"{controller.url}/api/callbacks/execution-result"
    assert await legacy.next() is None


async def test_a_whole_life_from_registering_to_the_result(controller: Controller, legacy: Legacy) -> None:
    assert isinstance(await legacy.task_types(), list)
    assert (await legacy.heartbeat([]))["status"] == "ok"
    execution_id = await controller.trigger(await controller.custom_job("greeting", {}))
    item = await legacy.next("?wait=5")
    assert item is not None
    assert (await legacy.heartbeat([execution_id]))["status"] == "ok"
    assert (await legacy.report(item))["status"] == "ok"
    execution = await controller.ended(execution_id)
    assert (execution["status"], execution["exit_code"], execution["stdout"]) == ("succeeded", 0, "hello\n")


async def test_task_types_that_people_stored_come_back_and_outlive_a_registration(
    controller: Controller, legacy: Legacy
) -> None:
    stored = REGISTRATION["task_types"]
    await controller.call("PUT", f"/api/agents/{legacy.agent_id}/task-types", {"task_types": stored})
    await legacy.register()
    (shown,) = await legacy.task_types()
    assert (shown["name"], shown["fields"][0]["field_type"]) == ("greet", "text")


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ({"status": "failed", "exit_code": 3}, ("failed", 3)),
        ({"status": "timed out", "exit_code": None}, ("timed_out", None)),
        ({"status": "timed_out", "job_id": ""}, ("timed_out", 0)),
        ({"status": "cancelled", "job_id": "", "agent_id": ""}, ("cancelled", 0)),
    ],
    ids=["failed", "timed out in words", "no job id", "no ids"],
)
async def test_every_way_to_end(
    controller: Controller, legacy: Legacy, sent: dict[str, Any], stored: tuple[str, int | None]
) -> None:
    execution_id = await controller.trigger(await controller.custom_job("greeting", {}))
    item = await legacy.next("?wait=5")
    assert item is not None
    await legacy.report(item, **sent)
    execution = await controller.ended(execution_id)
    assert (execution["status"], execution["exit_code"]) == stored


async def test_reporting_twice_changes_nothing(controller: Controller, legacy: Legacy) -> None:
    execution_id = await controller.trigger(await controller.custom_job("greeting", {}))
    item = await legacy.next("?wait=5")
    assert item is not None
    await legacy.report(item)
    assert (await legacy.report(item, status="failed", stdout="other"))["status"] == "ok"
    execution = await controller.execution(execution_id)
    assert (execution["status"], execution["stdout"]) == ("succeeded", "hello\n")


async def test_any_type_of_task_reaches_it_when_it_is_named(controller: Controller, legacy: Legacy) -> None:
    target = {"type": "agent", "agent_id": legacy.agent_id}
    shell = {"type": "shell", "command": "echo hi"}
    job_id = await controller.custom_job("named", {}, task=shell, target=target)
    execution_id = await controller.trigger(job_id)
    item = await legacy.next("?wait=5")
    assert item is not None
    assert item["task"]["type"] == "shell"
    assert item["task"]["command"] == "echo hi"
    await legacy.report(item)
    assert (await controller.ended(execution_id))["status"] == "succeeded"


async def test_it_may_send_json_without_saying_so(controller: Controller, legacy: Legacy) -> None:
    execution_id = await controller.trigger(await controller.custom_job("greeting", {}))
    item = await legacy.next("?wait=5")
    assert item is not None
    body = f'{{"execution_id": "{execution_id}", "job_id": "", "agent_id": "", "status": "succeeded"}}'
    plain = {**HEADERS, "Content-Type": "application/x-www-form-urlencoded"}
    async with controller.http.post(item["callback_url"], data=body.encode(), headers=plain) as answer:
        assert answer.status == 200, await answer.text()
    assert (await controller.ended(execution_id))["status"] == "succeeded"
