"""A web server of this process that remembers what it was asked."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class WebServer:
    """Its address, and every request in order."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        """Methods and paths that were asked for."""
        return [f"{one.method} {one.path}" for one in self.asked]

    def header(self, name: str) -> list[str | None]:
        """What each request said in a header."""
        return [one.headers.get(name.lower()) for one in self.asked]


@asynccontextmanager
async def web_server(
    answer: Answer, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[WebServer]:
    """Answers everything with what `answer` makes of it."""
    server = WebServer()

    async def serve(request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        server.asked.append(Asked(request.method, request.path_qs, headers, await request.read()))
        return await answer(request)

    app = web.Application(client_max_size=1 << 26)
    app.router.add_route("*", "/{tail:.*}", serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, host, 0, ssl_context=tls).start()
    server.url = f"{'https' if tls else 'http'}://{host}:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()
