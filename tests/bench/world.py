"""A real PostgreSQL, a real controller and real agents, each a process of its own, for one scenario."""

import asyncio
import base64
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import psutil
from deploy.fleet import free_port

from tocsin_controller.embedded import EmbeddedPostgres

BIN = Path(sys.executable).parent
KEYS = {
    "TOCSIN_BOOTSTRAP_ADMIN_KEY": "bench-admin",
    "TOCSIN_BOOTSTRAP_AGENT_KEY": "bench-agent",
    "TOCSIN_ENCRYPTION_KEY": base64.b64encode(bytes(32)).decode(),
}


NO_MORE: Mapping[str, str] = {}


@dataclass
class World:
    """What a scenario works with."""

    directory: Path
    url: str
    dsn: str
    db: asyncpg.Connection
    http: aiohttp.ClientSession
    scale: float
    secs: float
    controller: psutil.Process
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """One REST call as the admin."""
        async with self.http.request(method, self.url + path, json=body) as answer:
            if answer.status >= 400:
                raise RuntimeError(f"{method} {path}: {answer.status} {await answer.text()}")
            return await answer.json() if answer.content_length != 0 else None

    async def start_agents(
        self, count: int, *, capacity: int = 64, max_batch: int = 16, more: Mapping[str, str] = NO_MORE
    ) -> list[psutil.Process]:
        """Start real agents, with `more` in their environment, and wait until they are registered."""
        started = []
        for n in range(count):
            settings = {
                "TOCSIN_AGENT_CONTROLLER": self.url,
                "TOCSIN_AGENT_KEY": "bench-agent",
                "TOCSIN_AGENT_NAME": f"bench-{len(self.processes)}-{n}",
                "TOCSIN_AGENT_TAGS": "bench",
                "TOCSIN_AGENT_CAPACITY": str(capacity),
                "TOCSIN_AGENT_MAX_BATCH": str(max_batch),
                "TOCSIN_AGENT_STATE_DIR": str(self.directory / f"agent-{len(self.processes)}-{n}"),
                "TOCSIN_AGENT_LOG_LEVEL": "warning",
                **more,
            }
            process = _start(self.directory / "agents.log", [BIN / "tocsin-agent", "run"], settings)
            self.processes.append(process)
            started.append(psutil.Process(process.pid))
        await self.eventually(
            "SELECT count(*) FROM agents WHERE agent_type = 'standard'", at_least=len(self.processes)
        )
        return started

    async def eventually(self, question: str, *, at_least: float, timeout_secs: float = 60) -> None:
        """Until a query's single value is large enough."""
        deadline = time.monotonic() + timeout_secs
        while await self.db.fetchval(question) < at_least:
            if time.monotonic() > deadline:
                raise TimeoutError(question)
            await asyncio.sleep(0.05)

    def log_tail(self) -> str:
        """The end of all logs, for when a scenario fails."""
        tails = [path.read_text(errors="replace").splitlines()[-8:] for path in self.directory.glob("*.log")]
        return "\n".join(line for tail in tails for line in tail)


@asynccontextmanager
async def bench_world(*, scale: float, secs: float) -> AsyncIterator[World]:
    """A fresh database with one controller on it. PostgreSQL runs with its safe defaults (fsync on)."""
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        directory.chmod(0o711)
        with EmbeddedPostgres(directory / "pg", {"shared_buffers": "512MB", "max_wal_size": "4GB"}) as server:
            dsn, port = server.dsn("bench"), free_port()
            environment = {
                **KEYS,
                "TOCSIN_DATABASE_URL": dsn,
                "TOCSIN_HOST": "127.0.0.1",
                "TOCSIN_PORT": str(port),
                "TOCSIN_RATE_LIMIT_ENABLED": "false",
                "TOCSIN_LOG_LEVEL": "warning",
                "TOCSIN_LOCAL_CAPACITY": "0",
            }
            command: list[Path | str] = [BIN / "tocsin-controller", "serve"]
            controller = _start(directory / "controller.log", command, environment)
            headers = {"Authorization": "Bearer bench-admin"}
            connector = aiohttp.TCPConnector(limit=0)
            async with aiohttp.ClientSession(headers=headers, connector=connector) as http:
                url = f"http://127.0.0.1:{port}"
                await _ready(http, url, controller, directory)
                db = await asyncpg.connect(dsn)
                world = World(directory, url, dsn, db, http, scale, secs, psutil.Process(controller.pid))
                try:
                    yield world
                finally:
                    for process in [*world.processes, controller]:
                        process.send_signal(signal.SIGKILL)
                        process.wait()
                    await db.close()


def _start(log: Path, command: list[Path | str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("TOCSIN_")}
    with log.open("ab") as output:
        return subprocess.Popen(
            [str(part) for part in command], env=inherited | environment, stdout=output, stderr=output
        )


async def _ready(
    http: aiohttp.ClientSession, url: str, controller: subprocess.Popen[bytes], directory: Path
) -> None:
    for _ in range(600):
        try:
            async with http.get(f"{url}/api/health/ready") as answer:
                if answer.status == 200:
                    return
        except aiohttp.ClientError:
            pass
        if controller.poll() is not None:
            break
        await asyncio.sleep(0.05)
    raise RuntimeError(f"the controller did not start:\n{(directory / 'controller.log').read_text()}")
