"""A whole installation for one scenario: PostgreSQL, controllers behind a balancer, agents, a proxy on every link."""

import asyncio
import contextlib
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from tests.chaos import auditor, witness
from tests.chaos.client import Client
from tests.chaos.commits import Launches
from tests.chaos.processes import BIN, Member, end_strays
from tests.chaos.proxy import Proxy
from tests.net import free_port
from tocsin_controller.embedded import EmbeddedPostgres

ADMIN, ENROLMENT = "chaos-admin", "chaos-enrolment"
#: Short enough that a scenario takes seconds; the relations between them are those of the defaults.
PACE = {
    "TOCSIN_HEARTBEAT_SECS": "1",
    "TOCSIN_LEASE_SECS": "3",
    "TOCSIN_POLL_WAIT_SECS": "2",
    "TOCSIN_LOST_GRACE_SECS": "3",
}
#: No power cut is simulated for the database's host: what was written stays written.
_DATABASE = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "64MB", "max_connections": "120"}
_START_SECS = 30.0
_HEALTH_SECS = 1.0


class Fleet:
    """Made by `fleet()`; scenarios break its parts."""

    def __init__(self, directory: Path, database: EmbeddedPostgres, database_port: int, seed: int) -> None:
        self.directory = directory
        self.database = database
        self.database_port = database_port
        self.seed = seed
        self.witness_program = witness.build(directory)
        self.witness_file = directory / "witness.jsonl"
        self.balancer = Proxy(seed=seed)
        self.controllers: dict[str, Member] = {}
        self.controller_ports: dict[str, int] = {}
        #: From each controller to the database.
        self.database_links: dict[str, Proxy] = {}
        #: Where a controller can be hit while it turns due jobs into runs.
        self.launches: dict[str, Launches] = {}
        self.agents: dict[str, Member] = {}
        #: From each agent to the controllers.
        self.agent_links: dict[str, Proxy] = {}
        self._disks: list[Path] = []
        self._stack = AsyncExitStack()

    @property
    def dsn(self) -> str:
        """The database itself, past all proxies."""
        return self.database.dsn("tocsin")

    async def open(self) -> None:
        """Open the balancer."""
        await self._stack.enter_async_context(self.balancer)
        self.client = Client(f"http://127.0.0.1:{self.balancer.port}", ADMIN)
        self._stack.push_async_callback(self.client.close)

    async def close(self) -> None:
        """End everything."""
        for member in [*self.agents.values(), *self.controllers.values()]:
            member.thaw() if member.is_running else None
            member.kill()
        end_strays(self.witness_program)
        for directory in self._disks:
            subprocess.run(["umount", "-l", directory], check=True)
        await self._stack.aclose()

    async def add_controller(
        self, name: str, *, under: Mapping[str, str] | None = None, programs: Path = BIN, **settings: str
    ) -> Member:
        """Start a controller with a link of its own to the database, and put it behind the balancer.

        `under` is added to its environment, `programs` is where its release is.
        """
        link = await self._stack.enter_async_context(Proxy(self.database_port, seed=self.seed))
        self.launches[name] = Launches()
        link.watchers.append(self.launches[name])
        port = free_port()
        dsn = await asyncio.to_thread(self.database.tcp_dsn, "tocsin")
        login = urlsplit(dsn).netloc.rpartition("@")[0]
        environment = (
            PACE
            | {
                "TOCSIN_DATABASE_URL": f"postgresql://{login}@127.0.0.1:{link.port}/tocsin",
                "TOCSIN_HOST": "127.0.0.1",
                "TOCSIN_PORT": str(port),
                "TOCSIN_BOOTSTRAP_ADMIN_KEY": ADMIN,
                "TOCSIN_BOOTSTRAP_AGENT_KEY": ENROLMENT,
                "TOCSIN_LOCAL_CAPACITY": "0",
                "TOCSIN_RATE_LIMIT_ENABLED": "false",
            }
            | {f"TOCSIN_{key.upper()}": value for key, value in settings.items()}
        )
        log = self.directory / f"{name}.log"
        member = Member("controller", name, environment, log, programs=programs)
        self.controllers[name] = member
        self.controller_ports[name] = port
        self.database_links[name] = link
        member.start()
        await self.until_ready(name)
        self.balancer.put_in(port)
        if len(self.controllers) == 1:
            await auditor.install(self.dsn)
        return member

    async def add_agent(
        self,
        name: str,
        *,
        before: Sequence[str] = (),
        under: Mapping[str, str] | None = None,
        programs: Path = BIN,
        **settings: str,
    ) -> Member:
        """Start an agent with a link of its own and its name as tag, and wait until it is online.

        `before` are words of its command line that come before it, `under` is added to its environment,
        `programs` is where its release is.
        """
        link = await self._stack.enter_async_context(Proxy(self.balancer.port, seed=self.seed))
        environment = {
            "TOCSIN_AGENT_CONTROLLER": f"http://127.0.0.1:{link.port}",
            "TOCSIN_AGENT_KEY": ENROLMENT,
            "TOCSIN_AGENT_NAME": name,
            "TOCSIN_AGENT_TAGS": name,
            "TOCSIN_AGENT_CAPACITY": "16",
            "TOCSIN_AGENT_STATE_DIR": str(self.state_dir(name)),
        } | {f"TOCSIN_AGENT_{key.upper()}": value for key, value in settings.items()}
        environment |= under or {}
        log = self.directory / f"{name}.log"
        member = Member("agent", name, environment, log, programs=programs, before=before)
        self.agents[name] = member
        self.agent_links[name] = link
        member.start()
        await self.until_agent(name, "online")
        return member

    def small_disk(self, directory: Path, size: str) -> None:
        """Make the directory a disk of its own until the end. Needs root."""
        directory.mkdir(mode=0o700)
        options = f"size={size},mode=0700"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", directory], check=True)
        self._disks.append(directory)

    def state_dir(self, agent: str) -> Path:
        """Where an agent keeps identity and journal."""
        return self.directory / f"state-{agent}"

    async def until_ready(self, name: str, secs: float = _START_SECS) -> None:
        """Until a controller serves."""
        url = f"http://127.0.0.1:{self.controller_ports[name]}/api/health/ready"
        member = self.controllers[name]
        deadline = time.monotonic() + secs
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http:
            while True:
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with http.get(url) as answer:
                        if answer.status == 200:
                            return
                if time.monotonic() > deadline or not member.is_running:
                    raise RuntimeError(f"{name} is not ready:\n{member.log()[-4000:]}")
                await asyncio.sleep(0.05)

    async def until_agent(self, name: str, status: str, secs: float = _START_SECS) -> dict[str, Any]:
        """The agent's view once it has that status."""
        deadline = time.monotonic() + secs
        while True:
            with contextlib.suppress(RuntimeError, aiohttp.ClientError, TimeoutError):
                for view in await self.client.get("/api/agents"):
                    if view["name"] == name and view["status"] == status:
                        return dict(view)
            if time.monotonic() > deadline:
                raise RuntimeError(f"{name} did not become {status}:\n{self.agents[name].log()[-4000:]}")
            await asyncio.sleep(0.05)

    async def balance(self) -> None:
        """The balancer's health checks, each second, until cancelled: only ready controllers get anything.

        When none is ready, those that answer at all get the calls, and refuse them politely.
        """
        timeout = aiohttp.ClientTimeout(total=2 * _HEALTH_SECS)
        async with aiohttp.ClientSession(timeout=timeout) as http:
            while True:
                ports = list(self.controller_ports.values())
                statuses = await asyncio.gather(*(_health(http, port) for port in ports))
                wanted = 200 if 200 in statuses else 503
                for port, status in zip(ports, statuses, strict=True):
                    (self.balancer.put_in if status == wanted else self.balancer.take_out)(port)
                await asyncio.sleep(_HEALTH_SECS)

    def logs(self) -> str:
        """The end of every log."""
        members = [*self.controllers.values(), *self.agents.values()]
        return "\n".join(f"--- {m.name}\n{m.log()[-2500:]}" for m in members)


@asynccontextmanager
async def fleet(directory: Path, seed: int) -> AsyncIterator[Fleet]:
    """A running PostgreSQL and a balancer, no controllers and no agents yet."""
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o711)
    port = free_port()
    database = EmbeddedPostgres(directory / "pg", _DATABASE, listen_port=port)
    await asyncio.to_thread(database.start)
    made = Fleet(directory, database, port, seed)
    try:
        await made.open()
        balancing = asyncio.create_task(made.balance(), name="balancer")
        try:
            yield made
        finally:
            balancing.cancel()
            await asyncio.gather(balancing, return_exceptions=True)
    finally:
        await made.close()
        await asyncio.to_thread(database.stop)
        shutil.rmtree(directory / "pg", ignore_errors=True)


async def _health(http: aiohttp.ClientSession, port: int) -> int:
    try:
        async with http.get(f"http://127.0.0.1:{port}/api/health/ready") as answer:
            return answer.status
    except (aiohttp.ClientError, TimeoutError):
        return 0
