"""The real application on a real port, its engine running, and small clients for each kind of caller.

Every answer that a test gets is held against the model that the route declares, and every error against the one
shape of errors.
"""

import asyncio
import base64
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import asyncpg
import orjson
import pytest
from aiohttp import web
from pydantic import TypeAdapter

from tocsin_controller.api.app import ROUTES, build_app
from tocsin_controller.api.table import Route
from tocsin_controller.engine import Engine, build_engine
from tocsin_controller.security.keyring import KeyRing
from tocsin_controller.security.secrets import hash_key
from tocsin_controller.settings import ControllerSettings
from tocsin_controller.store.database import Database
from tocsin_controller.store.keys import NewKey, insert_key
from tocsin_controller.supervisor import supervise
from tocsin_shared.ids import new_id
from tocsin_shared.views.errors import ErrorView

ROLES = ("viewer", "operator", "admin", "agent", "scoped")


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, read."""

    status: int
    headers: Any
    body: bytes
    json: Any


class Contract:
    """What the routes say that they answer."""

    def __init__(self, routes: list[Route]) -> None:
        self._routes = [
            (
                route,
                re.compile(re.sub(r"{\w+}", "[^/]+", route.path)),
                TypeAdapter(route.response) if route.response is not None else None,
            )
            for route in routes
        ]

    def check(self, method: str, path: str, answer: Answer) -> None:
        """Raises when the answer is not what was promised."""
        if answer.status >= 400:
            assert answer.json is not None, (method, path, answer.status, answer.body[:500])
            error = ErrorView.model_validate(answer.json, strict=True)
            assert error.request_id == answer.headers["X-Request-Id"]
            return
        route, adapter = self._route(method, path.partition("?")[0])
        assert answer.status in {route.status, *route.also}
        if adapter is not None and answer.status == route.status:
            adapter.validate_json(answer.body)

    def _route(self, method: str, path: str) -> tuple[Route, TypeAdapter[Any] | None]:
        for route, pattern, adapter in self._routes:
            if route.method == method and pattern.fullmatch(path):
                return route, adapter
        raise AssertionError(f"no route for {method} {path}")


@dataclass(frozen=True, slots=True)
class Api:
    """Where it answers, and whose key goes with each call."""

    url: str
    http: aiohttp.ClientSession
    contract: Contract
    key: str | None = None

    def as_role(self, role: str | None) -> "Api":
        """The same server with another key: `viewer`, `operator`, `admin`, `agent`, or none."""
        return Api(self.url, self.http, self.contract, role and key_of(role))

    def with_key(self, key: str) -> "Api":
        """The same server with this key."""
        return Api(self.url, self.http, self.contract, key)

    @property
    def auth(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}

    async def call(self, method: str, path: str, body: Any = None, **more: Any) -> Answer:
        """One call; `body` is sent as JSON."""
        headers = {**self.auth, **more.pop("headers", {})}
        if body is not None:
            more["json"] = body
        async with self.http.request(method, self.url + path, headers=headers, **more) as response:
            raw = await response.read()
            is_json = response.content_type == "application/json" and raw
            answer = Answer(response.status, response.headers, raw, orjson.loads(raw) if is_json else None)
        if method != "HEAD":
            self.contract.check(method, path, answer)
        return answer

    async def get(self, path: str, **more: Any) -> Any:
        """The JSON of a call that must succeed."""
        return await self._must("GET", path, None, **more)

    async def post(self, path: str, body: Any = None, **more: Any) -> Any:
        """The JSON of a call that must succeed."""
        return await self._must("POST", path, body, **more)

    async def put(self, path: str, body: Any = None, **more: Any) -> Any:
        """The JSON of a call that must succeed."""
        return await self._must("PUT", path, body, **more)

    async def delete(self, path: str) -> None:
        """A call that must succeed."""
        answer = await self.call("DELETE", path)
        assert answer.status == 204, (path, answer.body)

    async def job(self, name: str | None = None, **definition: Any) -> dict[str, Any]:
        """A stored job, on demand and for any agent unless said otherwise."""
        body = {
            "name": name or f"job-{new_id()}",
            "task": {"type": "noop"},
            "schedule": {"type": "on_demand"},
            "target": {"type": "any"},
            **definition,
        }
        return dict(await self.post("/api/jobs", body))

    async def agent(self, name: str = "a", **more: Any) -> dict[str, Any]:
        """A registered simple agent; speaks with the agent key."""
        body = {"name": name, "tags": ["t"], "task_types": ["noop", "shell"], **more}
        return dict(await self.as_role("agent").post("/api/agents/register", body))

    async def _must(self, method: str, path: str, body: Any, **more: Any) -> Any:
        answer = await self.call(method, path, body, **more)
        assert answer.status < 300, (method, path, answer.status, answer.body)
        return answer.json


@dataclass(frozen=True, slots=True)
class Served:
    """A running application."""

    api: Api
    engine: Engine
    keyring: KeyRing
    app: web.Application


Serve = Callable[..., AbstractAsyncContextManager[Served]]


def key_of(role: str) -> str:
    return f"tsk_test-key-of-the-{role}"


@pytest.fixture
def serve(database: Database, database_url: str) -> Serve:
    """Serves on a free port; call it twice for two controllers on one database."""

    @asynccontextmanager
    async def start(**more: Any) -> AsyncIterator[Served]:
        settings = ControllerSettings.load(
            None, **{"database_url": database_url, "retention_days": 0, **more}
        )
        await _store_keys(database)
        engine = build_engine(database, settings)
        keyring = KeyRing(database)
        keyring.watch(engine.hints.subscribe)
        await engine.maintenance.once()
        services = asyncio.create_task(supervise({**engine.services, "keyring": keyring.run}))
        app = build_app(database, engine, settings, keyring)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with aiohttp.ClientSession() as http:
            yield Served(Api(url, http, Contract(app[ROUTES]), key_of("admin")), engine, keyring, app)
        await runner.cleanup()
        services.cancel()
        with suppress(asyncio.CancelledError):
            await services

    return start


@pytest.fixture
async def served(serve: Serve) -> AsyncIterator[Served]:
    """One controller."""
    async with serve() as running:
        yield running


@pytest.fixture
def api(served: Served) -> Api:
    """Its API, as an admin sees it."""
    return served.api


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """For looking behind the API."""
    opened = await asyncpg.connect(database_url)
    yield opened
    await opened.close()


async def _store_keys(database: Database) -> None:
    for role in ROLES:
        raw, scopes = key_of(role), ["cron:write"] if role == "scoped" else []
        await insert_key(database, NewKey(f"test-{role}", role, raw[:11], hash_key(raw), scopes=scopes))


@dataclass
class Worker:
    """A native agent over HTTP that runs nothing: the test says what its executions print and how they end."""

    api: Api
    id: str
    incarnation: str
    seq: int = 0
    written: dict[tuple[str, str], int] = field(default_factory=dict)
    said: dict[str, int] = field(default_factory=dict)

    async def take(self, slots: int = 16, wait_secs: float = 5) -> list[dict[str, Any]]:
        """The next poll's executions."""
        self.seq += 1
        body = {"incarnation": self.incarnation, "seq": self.seq, "wait_secs": wait_secs, "slots": slots}
        answer = await self.api.post(f"/api/agent-queue/{self.id}/next", body)
        return list(answer["executions"])

    async def take_one(self) -> dict[str, Any]:
        """The only one."""
        (execution,) = await self.take()
        return execution

    async def start(self, execution: dict[str, Any]) -> None:
        """It runs."""
        await self.report(execution, type="started")

    async def write(
        self, execution: dict[str, Any], data: bytes | str, stream: str = "stdout", *, skip: int = 0
    ) -> None:
        """It prints; `skip` bytes before that were not kept."""
        raw = data.encode() if isinstance(data, str) else data
        key = execution["execution_id"], stream
        offset = self.written.get(key, 0) + skip
        encoded = base64.b64encode(raw).decode()
        await self.report(execution, type="output", stream=stream, offset=offset, data_base64=encoded)
        self.written[key] = offset + len(raw)

    async def finish(self, execution: dict[str, Any], status: str = "succeeded", **more: Any) -> None:
        """It ends."""
        sizes = {
            f"{stream}_bytes": self.written.get((execution["execution_id"], stream), 0)
            for stream in ("stdout", "stderr")
        }
        exit_code = 0 if status == "succeeded" else 1
        result = {"status": status, "exit_code": exit_code, "started_age_secs": 1.5, "age_secs": 0.5}
        await self.report(execution, type="result", **{**sizes, **result, **more})

    async def report(self, execution: dict[str, Any], **event: Any) -> None:
        """One event of its journal, which must be recorded."""
        execution_id = execution["execution_id"]
        self.said[execution_id] = self.said.get(execution_id, 0) + 1
        event |= {"execution_id": execution_id, "fence": execution["fence"], "seq": self.said[execution_id]}
        answer = await self.api.post(f"/api/agents/{self.id}/events", {"events": [event]})
        assert [r["receipt"] for r in answer["receipts"]] == ["recorded"]


@pytest.fixture
async def worker(api: Api) -> Worker:
    """A registered native agent."""
    return await new_worker(api)


async def new_worker(api: Api, name: str = "worker", **more: Any) -> Worker:
    incarnation = str(new_id())
    registered = await api.agent(name, protocol=1, incarnation=incarnation, capacity=16, **more)
    return Worker(api.as_role("agent"), registered["agent_id"], incarnation)
