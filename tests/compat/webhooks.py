"""An endpoint that jobs call: it writes down what came, and answers as it was told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class Endpoint:
    """What was called, and what it answers."""

    url: str = ""
    #: Statuses of the next answers; then 200.
    statuses: list[int] = field(default_factory=list)
    #: Method, Authorization and body of each call.
    calls: list[tuple[str, str | None, str]] = field(default_factory=list)
    hold_secs: float = 0

    async def answer(self, request: web.Request) -> web.Response:
        """One call."""
        self.calls.append((request.method, request.headers.get("Authorization"), await request.text()))
        await asyncio.sleep(self.hold_secs)
        return web.Response(text="OK", status=self.statuses.pop(0) if self.statuses else 200)


@asynccontextmanager
async def endpoint() -> AsyncIterator[Endpoint]:
    """On a free port of this host."""
    one = Endpoint()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", one.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    one.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield one
    finally:
        await runner.cleanup()
