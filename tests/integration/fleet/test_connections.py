"""A connection from the API to a driver and back: it is used, and its secrets are found nowhere afterwards."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from tests.integration.fleet.conftest import Fleet
from tests.integration.fleet.test_secrets import dump, files, output_of, start
from tests.services.processes import directory_for
from tests.services.sshd import ssh_server

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
        await fleet.post("/api/variables", {"name": "VENDOR", "value": TOKEN, "secret": True})
        config = {"base_url": f"{url}/v1", "auth_type": "bearer", "token": "{{VENDOR}}"}
        made = await fleet.post("/api/connections", {"name": "vendor", "conn_type": "http", "config": config})
        task = {"type": "http", "method": "get", "url": "/who", "connection": "vendor"}
        by_agent = await start(fleet, task)
        by_local_agent = await start(fleet, task, target={"type": "local"})
        printed = [await output_of(fleet, one) for one in (by_agent, by_local_agent)]
        tried = [await fleet.post("/api/connections/vendor/test", {"agent": on}) for on in (None, "a")]
    assert printed == [f"/v1/who Bearer {'*' * len(TOKEN)}"] * 2
    assert tried == [
        {"success": True, "message": f"{url}/v1 answered 200.", "agent": on} for on in (None, "a")
    ]

    answers = str([made, tried, await fleet.get("/api/connections"), await fleet.get("/api/jobs")]).encode()
    held = {**files(fleet.directory), "database": await dump(fleet.database_url), "answers": answers}
    for form in FORMS:
        assert [name for name, content in held.items() if form in content] == []


async def test_a_private_key_lets_commands_and_files_through_and_is_found_nowhere(
    fleet: Fleet, tmp_path: Path
) -> None:
    await fleet.controller(encryption_key=new_key(), log_level="debug", log_format="json")
    await fleet.agent("a", log_level="debug")
    (tmp_path / "out.bin").write_bytes(bytes(range(256)))
    with ssh_server() as server, directory_for("key") as elsewhere:
        (elsewhere / "key").write_text(server.private_key)
        config = {
            "host": "127.0.0.1",
            "port": server.port,
            "username": server.username,
            "private_key": server.private_key,
            "known_hosts": server.known_hosts,
        }
        await fleet.post("/api/connections", {"name": "lab", "conn_type": "ssh", "config": config})
        for name, value in (("WHO", "it's; exit 3"), ("DAY", "monday")):
            await fleet.post("/api/variables", {"name": name, "value": value})
        text = f"echo for {{{{WHO}}}}; cat {elsewhere}/key"
        command = await start(fleet, {"type": "ssh", "connection": "lab", "command": text})
        file = {"local_path": f"{tmp_path}/out.bin", "remote_path": f"{tmp_path}/{{{{DAY}}}}.bin"}
        task = {"type": "ftp", "protocol": "sftp", "connection": "lab", "direction": "upload", **file}
        moved = await start(fleet, task)
        printed = await output_of(fleet, command)
        assert '"bytes":256' in await output_of(fleet, moved)
    assert printed.startswith("for it's; exit 3\n****")
    assert (tmp_path / "monday.bin").read_bytes() == bytes(range(256))
    body = server.private_key.splitlines()[2].encode()
    held = {**files(fleet.directory), "database": await dump(fleet.database_url), "printed": printed.encode()}
    assert [name for name, content in held.items() if body in content] == []
