"""The proxy does to a connection what a scenario asks of it, on real sockets."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.chaos.proxy import LoseAnswers, Proxy, Weather

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def echo(heard: list[bytes]) -> AsyncIterator[int]:
    """A server that answers every line with itself and remembers it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            heard.append(line)
            writer.write(line)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture
def heard() -> list[bytes]:
    return []


@pytest.fixture
async def proxy(heard: list[bytes]) -> AsyncIterator[Proxy]:
    async with echo(heard) as port, Proxy(port, seed=1) as running:
        yield running


async def connect(proxy: Proxy) -> Streams:
    return await asyncio.open_connection("127.0.0.1", proxy.port)


async def ask(streams: Streams, line: bytes = b"hello\n", secs: float = 5) -> bytes:
    reader, writer = streams
    writer.write(line)
    return await asyncio.wait_for(reader.readline(), secs)


async def is_silent(streams: Streams, line: bytes = b"hello\n") -> bool:
    try:
        await ask(streams, line, 0.2)
    except TimeoutError:
        return True
    return False


async def is_ended(reader: asyncio.StreamReader) -> bool:
    """Whether the connection ends, with a reset or in good order, and without another byte."""
    try:
        return await asyncio.wait_for(reader.read(), 5) == b""
    except ConnectionError:
        return True


async def test_what_is_sent_arrives_and_so_does_the_answer(proxy: Proxy) -> None:
    streams = await connect(proxy)
    assert await ask(streams) == b"hello\n"
    assert await ask(streams, b"x" * 50_000 + b"\n") == b"x" * 50_000 + b"\n"


async def test_delay_takes_its_time_both_ways(proxy: Proxy) -> None:
    proxy.weather = Weather(delay_secs=0.1, jitter_secs=0.05)
    began = time.monotonic()
    assert await ask(await connect(proxy)) == b"hello\n"
    assert time.monotonic() - began >= 0.2


async def test_a_throttled_link_lets_only_so_much_through(proxy: Proxy) -> None:
    proxy.weather = Weather(bytes_per_sec=100_000)
    began = time.monotonic()
    await ask(await connect(proxy), b"x" * 20_000 + b"\n")
    assert time.monotonic() - began >= 0.4


async def test_a_hanging_link_stays_open_and_delivers_once_it_is_healed(
    proxy: Proxy, heard: list[bytes]
) -> None:
    streams = await connect(proxy)
    proxy.hang()
    assert await is_silent(streams)
    assert heard == []
    proxy.heal()
    assert await asyncio.wait_for(streams[0].readline(), 5) == b"hello\n"


async def test_one_way_up_is_heard_but_not_answered(proxy: Proxy, heard: list[bytes]) -> None:
    streams = await connect(proxy)
    proxy.hang("down")
    assert await is_silent(streams)
    assert heard == [b"hello\n"]


async def test_one_way_down_is_not_heard(proxy: Proxy, heard: list[bytes]) -> None:
    streams = await connect(proxy)
    proxy.hang("up")
    assert await is_silent(streams)
    assert heard == []


async def test_a_cut_ends_what_is_open_and_nothing_else(proxy: Proxy) -> None:
    streams = await connect(proxy)
    assert await ask(streams) == b"hello\n"
    proxy.cut()
    assert await is_ended(streams[0])
    assert await ask(await connect(proxy)) == b"hello\n"


async def test_a_refusing_link_ends_new_connections_too(proxy: Proxy) -> None:
    proxy.refuse()
    reader, _ = await connect(proxy)
    assert await is_ended(reader)
    proxy.heal()
    assert await ask(await connect(proxy)) == b"hello\n"


async def test_cut_after_so_many_bytes(proxy: Proxy, heard: list[bytes]) -> None:
    proxy.cut_after(8, "up")
    streams = await connect(proxy)
    assert await ask(streams) == b"hello\n"
    streams[1].write(b"again\n")
    assert await is_ended(streams[0])
    assert heard == [b"hello\n"]


async def test_a_lost_answer_belongs_to_a_question_that_was_heard(proxy: Proxy, heard: list[bytes]) -> None:
    rule = LoseAnswers(b"pay", times=2)
    proxy.rules.append(rule)
    for _ in range(2):
        reader, writer = await connect(proxy)
        writer.write(b"pay me\n")
        assert await is_ended(reader)
    assert await ask(await connect(proxy), b"pay me\n") == b"pay me\n"
    assert (heard, rule.lost) == ([b"pay me\n"] * 3, 2)


async def test_chance_is_repeatable(heard: list[bytes]) -> None:
    async def losses() -> list[bool]:
        async with echo(heard) as port, Proxy(port, seed=7) as proxy:
            proxy.weather = Weather(cut_chance=0.3)
            lost = []
            for _ in range(20):
                reader, writer = await connect(proxy)
                writer.write(b"x\n")
                try:
                    lost.append(await reader.readline() == b"")
                except ConnectionError:
                    lost.append(True)
                writer.close()
            return lost

    first = await losses()
    assert first == await losses()
    assert 0 < sum(first) < 20


async def test_a_target_that_is_away_looks_like_a_reset(proxy: Proxy) -> None:
    async with Proxy(1) as nowhere:
        reader, _ = await asyncio.open_connection("127.0.0.1", nowhere.port)
        assert await is_ended(reader)


async def test_the_end_of_one_direction_is_passed_on(proxy: Proxy) -> None:
    reader, writer = await connect(proxy)
    writer.write(b"last\n")
    writer.write_eof()
    assert await asyncio.wait_for(reader.read(), 5) == b"last\n"
    async with asyncio.timeout(5):
        while proxy.connections:
            await asyncio.sleep(0.01)


async def test_targets_take_turns_and_one_that_is_away_is_passed_over(heard: list[bytes]) -> None:
    others: list[bytes] = []
    async with echo(heard) as one, echo(others) as other, Proxy(one, 1, other) as proxy:
        for _ in range(6):
            assert await ask(await connect(proxy)) == b"hello\n"
        assert len(heard) + len(others) == 6
        assert min(len(heard), len(others)) >= 2


async def test_a_target_that_is_taken_out_loses_its_connections(heard: list[bytes]) -> None:
    others: list[bytes] = []
    async with echo(heard) as one, Proxy(one) as proxy:
        streams = await connect(proxy)
        assert await ask(streams) == b"hello\n"
        async with echo(others) as other:
            proxy.put_in(other)
            proxy.take_out(one)
            assert await is_ended(streams[0])
            assert await ask(await connect(proxy)) == b"hello\n"
    assert others == [b"hello\n"]
