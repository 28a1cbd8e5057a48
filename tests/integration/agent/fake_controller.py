"""A controller of four routes, without a database and with switches.

Why not the real one: these tests are about what the agent does when a controller loses an answer after it
recorded the upload, is overloaded, forgets the agent, withdraws a right or hands one out twice. The real one
does each of that too, but never at the very moment a test needs it, and it hides from its API what these
tests look at: which key spoke, what exactly came and how often. tests/integration/fleet has both real ends.

It speaks real HTTP on a real socket. What it knows of the protocol comes from the shared models only; an upload
that these refuse gets a 400, as from the real one. It keeps G5 (the same event twice is recorded once) because
agents rely on that, and nothing else.
"""

import asyncio
import hashlib
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel

from tocsin_shared.ids import new_id
from tocsin_shared.protocol import (
    AgentEvent,
    Assignment,
    CancelOrder,
    EventReceipt,
    EventsRequest,
    EventsResponse,
    HeartbeatRequest,
    HeartbeatResponse,
    OutputEvent,
    OutputLimits,
    PollRequest,
    PollResponse,
    Receipt,
    RegisterRequest,
    RegisterResponse,
    ResultEvent,
    StopOrder,
)

M = TypeVar("M", bound=BaseModel)

ENROLMENT_KEY = "tck_for-the-first-registration"
#: Whatever a test waits for comes within this time or not at all.
PATIENCE_SECS = 30.0


class Refusal(Exception):
    """Answered instead of what was asked for."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


@dataclass
class Call:
    """One call as it came."""

    route: str
    key: str
    body: Any


@dataclass
class FakeController:
    """What came, and switches for what to do with it."""

    url: str = ""
    calls: list[Call] = field(default_factory=list)
    #: Every event that came, also when it came again.
    received: list[AgentEvent] = field(default_factory=list)
    #: The first of each.
    recorded: dict[tuple[UUID, int], AgentEvent] = field(default_factory=dict)
    #: SHA-256 of credentials and whom they speak for.
    agents: dict[str, UUID] = field(default_factory=dict)

    #: Switch: what to say of every event of an execution instead of the truth.
    receipts: dict[UUID, Receipt] = field(default_factory=dict)
    #: Switch: record so many uploads without answering them.
    answers_to_drop: int = 0
    #: Switch: uploads are recorded, and answered once this is set.
    answers_wait_for: asyncio.Event | None = None
    #: Switch: the way here is so slow that longer uploads do not arrive in time, or end on the way.
    longest_upload_bytes: int = 2**63
    #: Switch: how long answers with work are on their way.
    underway_secs: float = 0.0
    #: Switch: routes that are answered 503 until taken out.
    overloaded: set[str] = field(default_factory=set)
    #: Switch: routes and what they are refused with, once each.
    refusals: dict[str, Refusal] = field(default_factory=dict)
    #: Switch: the pace and the limits that agents are given.
    limits: OutputLimits = field(default_factory=lambda: OutputLimits(flush_secs=0.02))
    heartbeat_secs: float = 0.2
    #: Switch: how often the database was restored.
    epoch: int = 0
    #: What each agent's state directory was marked with at its last registration.
    marks: dict[UUID, UUID] = field(default_factory=dict)
    #: The process that speaks for each agent; a test takes one out to let any speak again.
    incarnations: dict[UUID, UUID] = field(default_factory=dict)
    #: Switch: record so many registrations without answering them.
    registrations_to_drop: int = 0
    #: Switch: routes and what is done to the connection of their callers instead of an answer.
    mischief: dict[str, Callable[[asyncio.Transport], Awaitable[None]]] = field(default_factory=dict)

    _waiting: PollResponse = field(default_factory=PollResponse)
    #: How often each agent has registered or polled: an earlier poll of its ends with nothing, as it does in reality.
    _turns: Counter[str] = field(default_factory=Counter)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def offer(self, *assignments: Assignment) -> None:
        """Hand these out with the next answer to a poll."""
        self._waiting.executions.extend(assignments)
        await self._tell()

    async def cancel(self, order: CancelOrder) -> None:
        """Order it with the next answer to a poll."""
        self._waiting.cancel.append(order)
        await self._tell()

    async def stop(self, order: StopOrder) -> None:
        """Order it with the next answer to a poll."""
        self._waiting.stop.append(order)
        await self._tell()

    def forget_agents(self) -> None:
        """Know nobody any more: 401 to every credential."""
        self.agents.clear()

    async def until(self, condition: Callable[[], bool], patience_secs: float = PATIENCE_SECS) -> None:
        """Return once it holds; looked at whenever a call came."""
        async with asyncio.timeout(patience_secs), self._news:
            await self._news.wait_for(condition)

    async def registrations(self, number: int) -> None:
        """Return once so many calls to register have come."""
        await self.until(lambda: len(self.bodies("register", RegisterRequest)) >= number)

    async def result(self, execution_id: UUID) -> ResultEvent:
        """The recorded end of an execution."""
        await self.until(lambda: bool(self.results(execution_id)))
        return self.results(execution_id)[0]

    async def settled(self, *execution_ids: UUID) -> None:
        """Return once a poll has come that names none of these, after they were all named or ended."""
        asked = len(self.bodies("poll", PollRequest)) + len(self.bodies("heartbeat", HeartbeatRequest))

        def is_so() -> bool:
            said = [*self.bodies("poll", PollRequest), *self.bodies("heartbeat", HeartbeatRequest)]
            latest = self.bodies("heartbeat", HeartbeatRequest)[-1:]
            held = {held.execution_id for body in latest for held in body.running or ()}
            return len(said) > asked and bool(latest) and not held & set(execution_ids)

        await self.until(is_so)

    def results(self, execution_id: UUID) -> list[ResultEvent]:
        """Every end that came for an execution, also again."""
        return [e for e in self.received if isinstance(e, ResultEvent) and e.execution_id == execution_id]

    def events(self, execution_id: UUID) -> list[AgentEvent]:
        """What is recorded of an execution, in order."""
        return [e for (i, _), e in sorted(self.recorded.items()) if i == execution_id]

    def output(self, execution_id: UUID) -> str:
        """What is recorded of its output, both streams."""
        return "".join(e.data for e in self.events(execution_id) if isinstance(e, OutputEvent))

    def bodies(self, route: str, model: type[M]) -> list[M]:
        """What came to a route."""
        return [c.body for c in self.calls if c.route == route and isinstance(c.body, model)]

    def keys(self, *routes: str) -> list[str]:
        """Who spoke at these routes, in order."""
        return [c.key for c in self.calls if c.route in routes]

    def app(self) -> web.Application:
        """The four routes."""
        app = web.Application(client_max_size=16 * 1024 * 1024)
        app.add_routes(
            [
                web.post("/api/agents/register", self._register),
                web.post("/api/agent-queue/{id}/next", self._poll),
                web.post("/api/agents/{id}/heartbeat", self._heartbeat),
                web.post("/api/agents/{id}/events", self._upload),
            ]
        )
        return app

    async def _register(self, request: web.Request) -> web.Response:
        key, body = await self._take("register", request, RegisterRequest)
        try:
            self._refuse_if_told("register")
            if key != ENROLMENT_KEY and _sha256(key) not in self.agents:
                raise Refusal(401, "unauthorized")
            if body.credential_sha256 is None:
                raise Refusal(400, "bad_request")
        except Refusal as refusal:
            return _refused(refusal)
        agent_id = self.agents.setdefault(body.credential_sha256, new_id())
        known = self.marks.get(agent_id)
        if known is not None and known not in (body.state_mark, body.next_state_mark):
            return _refused(Refusal(409, "cloned"))
        if body.next_state_mark is not None:
            self.marks[agent_id] = body.next_state_mark
        if body.incarnation is not None:
            self.incarnations[agent_id] = body.incarnation
        if self.registrations_to_drop:
            self.registrations_to_drop -= 1
            if request.transport is not None:
                request.transport.abort()
        return _answer(
            RegisterResponse(
                agent_id=agent_id,
                heartbeat_interval_secs=self.heartbeat_secs,
                poll_wait_secs=5,
                output=self.limits,
                epoch=self.epoch,
            )
        )

    async def _poll(self, request: web.Request) -> web.Response:
        key, body = await self._take("poll", request, PollRequest)
        try:
            self._authorize("poll", key, request, body.incarnation)
        except Refusal as refusal:
            return _refused(refusal)

        turn, came_at = self._turns[key], time.monotonic()

        def is_something() -> bool:
            if self._turns[key] != turn:
                return True
            waiting = self._waiting
            has_work = bool(waiting.executions) and body.slots > 0
            return has_work or bool(waiting.cancel or waiting.stop) or _sha256(key) not in self.agents

        try:
            async with asyncio.timeout(body.wait_secs), self._news:
                await self._news.wait_for(is_something)
        except TimeoutError:
            return _answer(PollResponse())
        if self._turns[key] != turn:
            return _answer(PollResponse())
        answer, self._waiting = self._waiting, PollResponse()
        if answer.executions and self.underway_secs:
            answer.held_secs = time.monotonic() - came_at
            await asyncio.sleep(self.underway_secs)
        return _answer(answer)

    async def _heartbeat(self, request: web.Request) -> web.Response:
        key, body = await self._take("heartbeat", request, HeartbeatRequest)
        try:
            self._authorize("heartbeat", key, request, body.incarnation)
        except Refusal as refusal:
            return _refused(refusal)
        return _answer(HeartbeatResponse())

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        if (request.content_length or 0) > self.longest_upload_bytes and request.transport is not None:
            request.transport.abort()
            raise web.HTTPServiceUnavailable
        key, body = await self._take("upload", request, EventsRequest)
        try:
            self._authorize("upload", key, request)
        except Refusal as refusal:
            return _refused(refusal)
        receipts = [
            EventReceipt(execution_id=event.execution_id, seq=event.seq, receipt=self._record(event))
            for event in body.events
        ]
        await self._tell()
        if self.answers_wait_for is not None:
            await self.answers_wait_for.wait()
        if self.answers_to_drop:
            self.answers_to_drop -= 1
            if request.transport is not None:
                request.transport.abort()
        return _answer(EventsResponse(receipts=receipts))

    def _record(self, event: AgentEvent) -> Receipt:
        self.received.append(event)
        if event.execution_id in self.receipts:
            return self.receipts[event.execution_id]
        position = (event.execution_id, event.seq)
        if position in self.recorded:
            return Receipt.DUPLICATE
        self.recorded[position] = event
        return Receipt.RECORDED

    async def _take(self, route: str, request: web.Request, model: type[M]) -> tuple[str, M]:
        key = request.headers.get("Authorization", "").removeprefix("Bearer ")
        body = model.model_validate_json(await request.read())
        self.calls.append(Call(route, key, body))
        if route in ("register", "poll"):
            self._turns[key] += 1
        await self._tell()
        if mischief := self.mischief.get(route):
            assert isinstance(request.transport, asyncio.Transport)
            await mischief(request.transport)
            request.transport.close()
            raise web.HTTPServiceUnavailable
        return key, body

    def _refuse_if_told(self, route: str) -> None:
        if route in self.overloaded:
            raise Refusal(503, "overloaded")
        if refusal := self.refusals.pop(route, None):
            raise refusal

    def _authorize(self, route: str, key: str, request: web.Request, incarnation: UUID | None = None) -> None:
        self._refuse_if_told(route)
        agent_id = self.agents.get(_sha256(key))
        if agent_id is None:
            raise Refusal(401, "unauthorized")
        if str(agent_id) != request.match_info["id"]:
            raise Refusal(404, "not_found")
        if incarnation is not None and self.incarnations.get(agent_id, incarnation) != incarnation:
            raise Refusal(409, "superseded")

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()


@asynccontextmanager
async def serving(tls: ssl.SSLContext | None = None) -> AsyncIterator[FakeController]:
    """One that listens on a port of its own."""
    controller = FakeController()
    runner = web.AppRunner(controller.app(), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    host, port = runner.addresses[0][:2]
    controller.url = f"{'https' if tls else 'http'}://{host}:{port}"
    try:
        yield controller
    finally:
        await runner.cleanup()


def _sha256(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _answer(body: BaseModel) -> web.Response:
    return web.Response(body=body.model_dump_json().encode(), content_type="application/json")


def _refused(refusal: Refusal) -> web.Response:
    said = {"error": f"refused: {refusal.code}", "code": refusal.code}
    return web.json_response(said, status=refusal.status)
