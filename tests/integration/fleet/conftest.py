"""Real processes as people run them: controllers, agents and the REST API between them, on a real PostgreSQL."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.keepers import end_keepers
from tests.net import free_port

from tocsin_shared.ids import new_id

BIN = Path(sys.executable).parent
ADMIN, AGENT = "fleet-admin-key", "fleet-agent-key"
START_SECS = 60.0


@dataclass
class Fleet:
    """Processes of one test, and calls to them."""

    directory: Path
    database_url: str
    http: aiohttp.ClientSession
    url: str = ""
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    async def controller(self, name: str = "controller", *, port: int | None = None, **settings: str) -> str:
        """Start a controller and wait until it is ready; its address."""
        port = port or free_port()
        environment = {
            "TOCSIN_DATABASE_URL": self.database_url,
            "TOCSIN_HOST": "127.0.0.1",
            "TOCSIN_PORT": str(port),
            "TOCSIN_BOOTSTRAP_ADMIN_KEY": ADMIN,
            "TOCSIN_BOOTSTRAP_AGENT_KEY": AGENT,
            "TOCSIN_HEARTBEAT_SECS": "1",
            "TOCSIN_LEASE_SECS": "3",
            "TOCSIN_LOST_GRACE_SECS": "2",
            "TOCSIN_STATE_DIR": str(self.directory / f"local-{name}"),
        } | {f"TOCSIN_{key.upper()}": value for key, value in settings.items()}
        self._start(name, [str(BIN / "tocsin-controller"), "serve"], environment)
        url = f"http://127.0.0.1:{port}"
        self.url = self.url or url
        async with asyncio.timeout(START_SECS):
            while True:
                try:
                    async with self.http.get(f"{url}/api/health/ready") as answer:
                        if answer.status == 200:
                            return url
                except aiohttp.ClientError:
                    pass
                assert self.processes[name].poll() is None, self.log(name)
                await asyncio.sleep(0.05)

    async def agent(self, name: str, *, tags: str = "", url: str | None = None, **settings: str) -> str:
        """Start an agent and wait until it is online; its id."""
        self.start_agent(name, tags=tags, url=url, **settings)
        async with asyncio.timeout(START_SECS):
            while True:
                for agent in await self.get("/api/agents"):
                    if agent["name"] == name and agent["status"] == "online":
                        return str(agent["id"])
                assert self.processes[name].poll() is None, self.log(name)
                await asyncio.sleep(0.05)

    def start_agent(self, name: str, *, tags: str = "", url: str | None = None, **settings: str) -> None:
        """Start an agent's process (again)."""
        environment = {
            "TOCSIN_AGENT_CONTROLLER": url or self.url,
            "TOCSIN_AGENT_KEY": AGENT,
            "TOCSIN_AGENT_NAME": name,
            "TOCSIN_AGENT_TAGS": tags,
            "TOCSIN_AGENT_STATE_DIR": str(self.directory / f"agent-{name}"),
        } | {f"TOCSIN_AGENT_{key.upper()}": value for key, value in settings.items()}
        self._start(name, [str(BIN / "tocsin-agent"), "run"], environment)

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal; SIGKILL also waits for the end."""
        self.processes[name].send_signal(number)
        if number is signal.SIGKILL:
            self.processes[name].wait()

    def log(self, name: str) -> str:
        """What a process has logged."""
        return (self.directory / f"{name}.log").read_text(errors="replace")

    async def get(self, path: str, *, url: str | None = None) -> Any:
        """GET as the admin."""
        async with self.http.get((url or self.url) + path) as answer:
            assert answer.status == 200, (path, answer.status, await answer.text())
            return await answer.json()

    async def post(self, path: str, body: Any = None, *, url: str | None = None) -> Any:
        """POST as the admin."""
        async with self.http.post((url or self.url) + path, json=body) as answer:
            assert answer.status < 300, (path, answer.status, await answer.text())
            return await answer.json()

    async def job(self, command: str | None = None, **definition: Any) -> str:
        """Create a job; its id."""
        body = {
            "name": f"job-{new_id()}",
            "task": {"type": "shell", "command": command},
            "schedule": {"type": "on_demand"},
            "target": {"type": "any"},
            **definition,
        }
        created = await self.post("/api/jobs", body)
        return str(created["id"])

    async def run(self, command: str, **definition: Any) -> str:
        """Create a job and trigger it; the execution's id."""
        triggered = await self.post(f"/api/jobs/{await self.job(command, **definition)}/trigger")
        return str(triggered["execution_ids"][0])

    async def ended(self, execution_id: str, *, secs: float = 20) -> dict[str, Any]:
        """The execution once it has ended."""
        return await self.until(execution_id, lambda e: e["finished_at"] is not None, secs=secs)

    async def started(self, execution_id: str) -> dict[str, Any]:
        """The execution once it runs."""
        return await self.until(execution_id, lambda e: e["status"] == "running")

    async def until(self, execution_id: str, holds: Any, *, secs: float = 20) -> dict[str, Any]:
        """The execution once a condition holds."""
        execution: dict[str, Any] = {}
        try:
            async with asyncio.timeout(secs):
                while True:
                    execution = await self.get(f"/api/executions/{execution_id}")
                    if holds(execution):
                        return execution
                    await asyncio.sleep(0.03)
        except TimeoutError:
            logs = "\n".join(f"--- {name}\n{self.log(name)[-3000:]}" for name in self.processes)
            raise AssertionError(f"still {execution}\n{logs}") from None

    def stop(self) -> None:
        """End everything."""
        for process in self.processes.values():
            process.kill()
        for process in self.processes.values():
            process.wait()
        for state_dir in self.directory.glob("agent-*"):
            end_keepers(state_dir)

    def _start(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("TOCSIN_")}
        with (self.directory / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command, env=inherited | environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )


@pytest.fixture
async def fleet(database_url: str, tmp_path: Path) -> AsyncIterator[Fleet]:
    """A fleet without members; what a test starts is ended with it."""
    headers = {"Authorization": f"Bearer {ADMIN}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        fleet = Fleet(tmp_path, database_url, http)
        try:
            yield fleet
        finally:
            fleet.stop()
