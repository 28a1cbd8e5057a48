"""A controller made of canned answers, on a real port: for what a real one does too rarely to wait for it.

It runs in a thread of its own, because the CLI under test brings its own event loop.
"""

import asyncio
import threading
from collections import defaultdict
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class FakeApi:
    """Answers each path with what a test put there: the answers in turn, the last one for ever."""

    def __init__(self) -> None:
        self.url = ""
        #: (method, path, headers, body) of every request.
        self.seen: list[tuple[str, str, dict[str, str], Any]] = []
        self._answers: dict[tuple[str, str], list[Answer]] = defaultdict(list)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def on(self, method: str, path: str, *answers: Answer) -> None:
        """What to say to these requests."""
        self._answers[method, path] += answers

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json() if request.can_read_body else None
        self.seen.append((request.method, request.path, dict(request.headers), body))
        answers = self._answers.get((request.method, request.path))
        if not answers:
            return await refusal(404, "not_found", "There is no such thing.")(request)
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return await answer(request)


def ok(value: Any, status: int = 200) -> Answer:
    """A plain JSON answer."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response(value, status=status)

    return answer


def refusal(
    status: int, code: str, error: str, *, details: list[dict[str, str]] | None = None, **headers: str
) -> Answer:
    """An answer in the shape of tocsin_shared.errors."""
    body = {"error": error, "code": code, "details": details or [], "request_id": "r"}

    async def answer(_: web.Request) -> web.StreamResponse:
        shown = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.json_response(body, status=status, headers=shown)

    return answer


def stream(*parts: bytes, then_break: bool = False) -> Answer:
    """An event stream in pieces, which ends or breaks after the last one."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for part in parts:
            await response.write(part)
        if then_break and request.transport is not None:
            request.transport.abort()
        return response

    return answer
