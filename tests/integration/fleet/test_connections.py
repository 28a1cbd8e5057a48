"""A connection from the API to a driver and back: it is used, and its secrets are found nowhere afterwards."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from tests.integration.fleet.conftest import Fleet
from tests.integration.fleet.test_secrets import dump, files, output_of, start

from tocsin_controller.security.sealing import new_key

TOKEN = "c0rrect-h0rse:battery/staple"
FORMS = (TOKEN.encode(), base64.b64encode(TOKEN.encode())[:16], TOKEN.encode().hex().encode())


@asynccontextmanager
async def echo() -> AsyncIterator[str]:
    """The address of a server that answers with the credentials that it was sent."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=f"{request.path} {request.headers.get('Authorization', 'nothing')}")

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_a_connection_is_used_and_its_secrets_are_found_nowhere_afterwards(fleet: Fleet) -> None:
    await fleet.controller(
        encryption_key=new_key(), log_level="debug", log_format="json", network_allow="loopback"
    )
    await fleet.agent("a", log_level="debug")
    async with echo() as url:
        config = {"base_url": f"{url}/v1", "auth_type": "bearer", "token": TOKEN}
        made = await fleet.post("/api/connections", {"name": "vendor", "conn_type": "http", "config": config})
        task = {"type": "http", "method": "get", "url": "/who", "connection": "vendor"}
        by_agent = await start(fleet, task)
        by_local_agent = await start(fleet, task, target={"type": "local"})
        printed = [await output_of(fleet, one) for one in (by_agent, by_local_agent)]
        tried = await fleet.post("/api/connections/vendor/test")
    assert printed == [f"/v1/who Bearer {'*' * len(TOKEN)}"] * 2
    assert tried == {"success": True, "message": f"{url}/v1 answered 200."}

    answers = str([made, tried, await fleet.get("/api/connections"), await fleet.get("/api/jobs")]).encode()
    held = {**files(fleet.directory), "database": await dump(fleet.database_url), "answers": answers}
    for form in FORMS:
        assert [name for name, content in held.items() if form in content] == []
