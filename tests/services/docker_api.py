"""An engine that speaks the documented HTTP API of Docker on a Unix socket, for hosts without one.

It builds and runs nothing: what it answers was taken down from Docker's API reference (v1.43), and what it was asked is
there to be looked at. Names of images say how builds go.
"""

import asyncio
import io
import json
import struct
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

IMAGE = "sha256:" + "5c" * 32
CONTAINER = "c0" * 32


@dataclass
class DockerApi:
    """What the engine was asked, and how its next container goes."""

    socket: Path
    builds: list[dict[str, Any]] = field(default_factory=list)
    containers: list[dict[str, Any]] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    #: Set when a build's client has gone.
    build_given_up: asyncio.Event = field(default_factory=asyncio.Event)
    #: What the container writes: stream (1 or 2) and bytes.
    output: list[tuple[int, bytes]] = field(
        default_factory=lambda: [(1, b"hello\n"), (2, b"\xff\x00 binary\n")]
    )
    exit_code: int = 0
    oom_killed: bool = False
    #: A container of which was told how it ended is gone.
    prunes: bool = False
    waited: bool = False
    #: The container does not end by itself.
    is_endless: bool = False
    started: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def docker_api(directory: Path) -> AsyncIterator[DockerApi]:
    """Listens until the end of the block."""
    api = DockerApi(directory / "docker.sock")
    handlers = _Handlers(api)
    app = web.Application()
    app.router.add_get("/version", handlers.version)
    app.router.add_post("/v1.43/build", handlers.build)
    app.router.add_post("/v1.43/containers/create", handlers.create)
    app.router.add_get("/v1.43/containers/{id}/json", handlers.inspect)
    app.router.add_post("/v1.43/containers/{id}/attach", handlers.attach)
    app.router.add_post("/v1.43/containers/{id}/start", handlers.start)
    app.router.add_post("/v1.43/containers/{id}/wait", handlers.wait)
    app.router.add_delete("/v1.43/containers/{id}", handlers.delete)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.UnixSite(runner, str(api.socket)).start()
    try:
        yield api
    finally:
        await runner.cleanup()


class _Handlers:
    def __init__(self, api: DockerApi) -> None:
        self._api = api

    async def version(self, _: web.Request) -> web.Response:
        return _json({"Version": "24.0.7", "ApiVersion": "1.43", "Os": "linux", "Arch": "amd64"})

    async def build(self, request: web.Request) -> web.StreamResponse:
        content = await request.read()  # unpacked already: its encoding is said in a header
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            files = {name: archive.extractfile(name).read().decode() for name in archive.getnames()}  # type: ignore[union-attr]  # there are only files
        tag = request.query["t"]
        self._api.builds.append({"files": files, "query": dict(request.query)})
        if tag == "refused":
            message = "dockerfile parse error line 2: unknown instruction: FORM"
            return _json({"message": message}, status=400)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        await _say(response, {"stream": "Step 1/2 : FROM alpine\n"})
        await _say(response, {"status": "Pulling fs layer", "progressDetail": {}, "id": "c158987b0551"})
        await _say(
            response,
            {"status": "Downloading", "progressDetail": {"current": 1}, "id": "c158987b0551"},
        )
        await _say(response, {"stream": f"args {request.query.get('buildargs')}\n"})
        match tag:
            case "fails":
                said = "The command '/bin/sh -c exit 7' returned a non-zero code: 7"
                await _say(response, {"errorDetail": {"code": 7, "message": said}, "error": said})
            case "unknown-base":
                said = "pull access denied for nothing, repository does not exist"
                await _say(response, {"errorDetail": {"message": said}, "error": said})
            case "cut":
                assert request.transport is not None
                request.transport.abort()
            case "slow":
                try:
                    await asyncio.sleep(3600)
                finally:
                    self._api.build_given_up.set()
            case _:
                await _say(response, {"aux": {"ID": IMAGE}})
                await _say(response, {"stream": f"Successfully built {IMAGE[7:19]}\n"})
                await _say(response, {"stream": f"Successfully tagged {tag}\n"})
        with suppress(ConnectionError):
            await response.write_eof()
        return response

    async def create(self, request: web.Request) -> web.Response:
        config = await request.json()
        if config["Image"] != IMAGE:
            return _json({"message": f"No such image: {config['Image']}"}, status=404)
        self._api.containers.append(config)
        return _json({"Id": CONTAINER, "Warnings": []}, status=201)

    async def inspect(self, request: web.Request) -> web.Response:
        if self._api.prunes and self._api.waited:
            return _json({"message": f"No such container: {request.match_info['id']}"}, status=404)
        return _json(
            {
                "Id": request.match_info["id"],
                "Config": {"Tty": False},
                "State": {"OOMKilled": self._api.oom_killed},
            }
        )

    async def attach(self, request: web.Request) -> web.StreamResponse:
        # The connection is taken over: no HTTP is spoken on it any more.
        transport = request.transport
        assert transport is not None
        transport.write(
            b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\n"
            b"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
        )
        await self._api.started.wait()
        for number, data in self._api.output:
            transport.write(struct.pack(">BxxxL", number, len(data)) + data)
            await asyncio.sleep(0)
        if self._api.is_endless:
            await self._api.ended.wait()
        transport.close()
        return web.Response()

    async def start(self, _: web.Request) -> web.Response:
        self._api.started.set()
        return web.Response(status=204)

    async def wait(self, _: web.Request) -> web.Response:
        self._api.waited = True
        return _json({"StatusCode": self._api.exit_code})

    async def delete(self, request: web.Request) -> web.Response:
        assert request.query.get("force") in ("1", "true")
        self._api.removed.append(request.match_info["id"])
        self._api.ended.set()
        return web.Response(status=204)


def _json(answer: Any, status: int = 200) -> web.Response:
    # The engine names no character set.
    return web.Response(body=json.dumps(answer), status=status, headers={"Content-Type": "application/json"})


async def _say(response: web.StreamResponse, news: Any) -> None:
    await response.write(json.dumps(news).encode() + b"\r\n")
    await asyncio.sleep(0)
