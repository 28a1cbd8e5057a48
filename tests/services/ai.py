"""A server that answers as the two kinds of language model APIs do, with what a test says."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.services.http import WebServer, web_server
from tocsin_shared.wire import loads

KEY = "sk-for-tests-0123456789"


@asynccontextmanager
async def ai_server(said: Sequence[str]) -> AsyncIterator[WebServer]:
    """Each completion says the next of these; the last one again and again."""
    left = list(said)

    async def answer(request: web.Request) -> web.StreamResponse:
        is_anthropic = "x-api-key" in request.headers
        shown = request.headers["x-api-key" if is_anthropic else "Authorization"]
        if shown.removeprefix("Bearer ") != KEY:
            return web.json_response({"error": {"message": f"wrong key {shown}"}}, status=401)
        if request.path.endswith("/models"):
            return web.json_response({"data": [{"id": "m-1"}], "has_more": False})
        text = left.pop(0) if len(left) > 1 else left[0]
        if is_anthropic:
            found: dict[str, Any] = {"role": "assistant", "content": [{"type": "text", "text": text}]}
        else:
            found = {"choices": [{"message": {"role": "assistant", "content": text}}]}
        return web.json_response(found)

    async with web_server(answer) as server:
        yield server


def bodies(server: WebServer) -> list[dict[str, Any]]:
    """What it was asked, in order."""
    return [loads(one.body) for one in server.asked if one.method == "POST"]
