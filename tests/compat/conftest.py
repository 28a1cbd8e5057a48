"""A whole controller, served over HTTP, for agents that others wrote."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.compat.webhooks import Endpoint, endpoint

from tocsin_controller.app import running_controller
from tocsin_controller.security.bootstrap import ensure_bootstrap_keys
from tocsin_controller.security.sealing import new_key
from tocsin_controller.settings import ControllerSettings
from tocsin_controller.store.database import Database

#: Whatever a test waits for comes within this time or not at all.
PATIENCE_SECS = 30.0
ADMIN, AGENT = "compat-admin-key", "compat-agent-key"


@dataclass(frozen=True, slots=True)
class Controller:
    """Where it answers, and the REST API as its admin sees it."""

    url: str
    http: aiohttp.ClientSession

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """One call that must succeed."""
        async with self.http.request(method, self.url + path, json=body) as answer:
            assert answer.status < 300, (path, answer.status, await answer.text())
            return await answer.json()

    async def agent_named(self, name: str) -> dict[str, Any]:
        """The agent, once it has registered."""
        async with asyncio.timeout(PATIENCE_SECS):
            while True:
                for agent in await self.call("GET", "/api/agents"):
                    if agent["name"] == name:
                        return dict(agent)
                await asyncio.sleep(0.02)

    async def trigger(self, job_id: str) -> str:
        """Run the job now; the execution's id."""
        triggered = await self.call("POST", f"/api/jobs/{job_id}/trigger")
        (execution_id,) = triggered["execution_ids"]
        return str(execution_id)

    async def custom_job(self, name: str, data: dict[str, Any], **definition: Any) -> str:
        """A custom job on demand, for any agent; its id."""
        job = await self.call(
            "POST",
            "/api/jobs",
            {
                "name": name,
                "task": {"type": "custom", "agent_task_type": "greet", "data": data},
                "schedule": {"type": "on_demand"},
                "target": {"type": "any"},
                **definition,
            },
        )
        return str(job["id"])

    async def execution(self, execution_id: str) -> dict[str, Any]:
        """The execution as it stands."""
        return dict(await self.call("GET", f"/api/executions/{execution_id}"))

    async def printed(self, execution_id: str, text: str) -> None:
        """Return once the execution's output holds this."""
        async with asyncio.timeout(PATIENCE_SECS):
            while text not in ((await self.execution(execution_id))["stdout"] or ""):
                await asyncio.sleep(0.02)

    async def ended(self, execution_id: str) -> dict[str, Any]:
        """The execution once it has ended."""
        async with asyncio.timeout(PATIENCE_SECS):
            while True:
                execution = await self.execution(execution_id)
                if execution["finished_at"] is not None:
                    return execution
                await asyncio.sleep(0.02)


@asynccontextmanager
async def a_controller(database: Database, **settings: Any) -> AsyncIterator[Controller]:
    """One with an admin key and an agent key, seen by its admin."""
    await ensure_bootstrap_keys(database, ADMIN, AGENT)
    loaded = ControllerSettings.load(None, host="127.0.0.1", port=0, **settings)
    headers = {"Authorization": f"Bearer {ADMIN}"}
    async with running_controller(loaded) as running, aiohttp.ClientSession(headers=headers) as http:
        yield Controller(running.url, http)


@pytest.fixture
async def controller(database: Database, database_url: str) -> AsyncIterator[Controller]:
    """It runs nothing itself, and can keep secrets."""
    more = {"local_capacity": 0, "encryption_key": new_key()}
    async with a_controller(database, database_url=database_url, **more) as running:
        yield running


@pytest.fixture
async def local_controller(
    database: Database, database_url: str, tmp_path: Path
) -> AsyncIterator[Controller]:
    """It runs jobs itself, which may call this host."""
    more = {"state_dir": str(tmp_path), "network_default": "all"}
    async with a_controller(database, database_url=database_url, **more) as running:
        yield running


@pytest.fixture(name="endpoint")
async def started_endpoint() -> AsyncIterator[Endpoint]:
    """What jobs call."""
    async with endpoint() as one:
        yield one
