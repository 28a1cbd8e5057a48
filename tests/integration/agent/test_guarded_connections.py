"""HTTP connections under a network policy: what is checked is what is connected to."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from tocsin_agent.network import AddressRefused, GuardedConnector, NoAddress, check_host, permitted_addresses
from tocsin_shared.network import GUARDED, Reach

LOOPBACK_ONE = Reach("guarded", allow=("127.0.0.1",))


@asynccontextmanager
async def server(redirect_to: str | None = None) -> AsyncIterator[tuple[int, list[str]]]:
    """Listens on every address of this host; its port and the paths that were asked for."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        if redirect_to is not None and request.path == "/hop":
            raise web.HTTPFound(redirect_to.format(port=request.url.port))
        return web.Response(text="inside")

    app = web.Application()
    app.router.add_get("/{tail:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "0.0.0.0", 0)  # noqa: S104  reached by several of its addresses
    await site.start()
    try:
        yield runner.addresses[0][1], asked
    finally:
        await runner.cleanup()


async def get(url: str, reach: Reach, resolver: AbstractResolver | None = None) -> str:
    connector = GuardedConnector(reach, resolver=resolver)
    async with aiohttp.ClientSession(connector=connector, trust_env=False) as http, http.get(url) as answer:
        return await answer.text()


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1.2.3",
        "localhost",
        "localhost.",
        "0.0.0.0",  # noqa: S104  called, not bound
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[fe80::1]",
        "169.254.169.254",
        "100.100.100.200",
        "[fd00:ec2::254]",
    ],
)
async def test_an_address_that_may_not_be_called_is_not_connected_to(host: str) -> None:
    async with server() as (port, asked):
        with pytest.raises(AddressRefused, match="may not be called"):
            await get(f"http://{host}:{port}/", GUARDED)
        assert asked == []


@pytest.mark.parametrize("host", ["127.1", "0x7f.1", "2130706433", "0177.0.0.1", "017700000001"])
async def test_no_odd_way_of_writing_it_helps(host: str) -> None:
    async with server() as (port, asked):
        with pytest.raises((AddressRefused, aiohttp.InvalidURL)):
            await get(f"http://{host}:{port}/", GUARDED)
        assert asked == []


@pytest.mark.parametrize(
    "target", ["http://127.0.0.2:{port}/x", "http://[::1]:{port}/x", "//0.0.0.0:{port}/x"]
)
async def test_a_redirect_to_where_nobody_may_go_is_not_followed(target: str) -> None:
    async with server(target) as (port, asked):
        with pytest.raises(AddressRefused):
            await get(f"http://127.0.0.1:{port}/hop", LOOPBACK_ONE)
        assert asked == ["/hop"]


async def test_what_is_allowed_is_connected_to() -> None:
    async with server("http://localhost:{port}/x") as (port, asked):
        assert await get(f"http://127.0.0.1:{port}/hop", LOOPBACK_ONE) == "inside"
        assert await get(f"http://localhost:{port}/y", Reach("none", allow=("localhost",))) == "inside"
        assert asked == ["/hop", "/x", "/y"]


class Rebinding(AbstractResolver):
    """A name server that has another answer every time it is asked."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=one,
                port=port,
                family=socket.AF_INET6 if ":" in one else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for one in self.answers.pop(0)
        ]

    async def close(self) -> None:
        pass


async def test_a_name_that_changes_after_the_first_connection_is_judged_again() -> None:
    names = Rebinding(["127.0.0.1"], ["127.0.0.2"])
    async with server() as (port, asked):
        connector = GuardedConnector(LOOPBACK_ONE, resolver=names, force_close=True)
        async with aiohttp.ClientSession(connector=connector) as http:
            async with http.get(f"http://rebind.example:{port}/first") as answer:
                assert answer.status == 200
            with pytest.raises(AddressRefused, match=r"rebind\.example \(127\.0\.0\.2\)"):
                await http.get(f"http://rebind.example:{port}/second")
        assert asked == ["/first"]


async def test_a_connection_asks_once_so_that_the_answer_can_not_change_in_between() -> None:
    names = Rebinding(["127.0.0.1"])
    async with server() as (port, asked):
        assert await get(f"http://rebind.example:{port}/", LOOPBACK_ONE, names) == "inside"
        assert asked == ["/"]
    assert names.answers == []


async def test_of_several_addresses_only_those_that_may_be_called_are_tried() -> None:
    names = Rebinding(["127.0.0.2", "::1", "127.0.0.1"])
    async with server() as (port, _):
        assert await get(f"http://several.example:{port}/", LOOPBACK_ONE, names) == "inside"


async def test_a_driver_that_looks_names_up_itself_is_told_before() -> None:
    with pytest.raises(AddressRefused, match=r"^localhost"):
        await check_host(GUARDED, "localhost", 5432)
    with pytest.raises(AddressRefused, match="loopback"):
        await check_host(GUARDED, "0x7f.1", 5432)
    await check_host(Reach("guarded", allow=("loopback",)), "localhost", 5432)
    with pytest.raises(NoAddress, match="has no address: "):
        await check_host(GUARDED, f"{'a' * 64}.example", 5432)


def test_a_socket_of_ones_own_gets_addresses_and_not_a_name() -> None:
    with pytest.raises(AddressRefused):
        permitted_addresses(GUARDED, "localhost", 80)
    (found, *_) = permitted_addresses(LOOPBACK_ONE, "127.0.0.1", 80, socket.SOCK_DGRAM)
    assert found[:2] == (socket.AF_INET, socket.SOCK_DGRAM)
    assert found[4] == ("127.0.0.1", 80)
