"""Many agents at once, as connections instead of processes: enough of the protocol to be online."""

import asyncio
import hashlib
import time
import uuid

import aiohttp


class Herd:
    """So many agents that register and send heartbeats, and how long those took to be answered."""

    def __init__(self, url: str, enrolment: str, count: int) -> None:
        self._url = url
        self._enrolment = enrolment
        self._names = [f"herd-{n}" for n in range(count)]
        #: Seconds that each answered heartbeat took.
        self.took_secs: list[float] = []
        #: Statuses of 500 and above that came without Retry-After.
        self.rude: list[int] = []
        self.registered = 0

    async def run(self) -> None:
        """All of them, until cancelled."""
        async with asyncio.TaskGroup() as agents:
            for name in self._names:
                agents.create_task(self._live(name))

    async def _live(self, name: str) -> None:
        secret, incarnation = uuid.uuid4().hex, str(uuid.uuid4())
        connector = aiohttp.TCPConnector(limit=1)
        timeout = aiohttp.ClientTimeout(total=10)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as http:
            agent_id = await self._register(http, name, secret, incarnation)
            self.registered += 1
            while True:
                began = time.monotonic()
                body: dict[str, object] = {"incarnation": incarnation, "running": []}
                if await self._call(http, f"/api/agents/{agent_id}/heartbeat", secret, body) is not None:
                    self.took_secs.append(time.monotonic() - began)
                await asyncio.sleep(max(1 - (time.monotonic() - began), 0.05))

    async def _register(self, http: aiohttp.ClientSession, name: str, secret: str, incarnation: str) -> str:
        body: dict[str, object] = {
            "name": name,
            "task_types": ["noop"],
            "protocol": 1,
            "incarnation": incarnation,
            "credential_sha256": hashlib.sha256(secret.encode()).hexdigest(),
        }
        while True:
            answer = await self._call(http, "/api/agents/register", self._enrolment, body)
            if answer is not None:
                return str(answer["agent_id"])
            await asyncio.sleep(0.5)

    async def _call(
        self, http: aiohttp.ClientSession, path: str, key: str, body: dict[str, object]
    ) -> dict[str, object] | None:
        headers = {"Authorization": f"Bearer {key}"}
        try:
            async with http.post(self._url + path, json=body, headers=headers) as answer:
                if answer.status >= 500 and "Retry-After" not in answer.headers:
                    self.rude.append(answer.status)
                return await answer.json() if answer.status == 200 else None
        except (aiohttp.ClientError, TimeoutError):
            return None
