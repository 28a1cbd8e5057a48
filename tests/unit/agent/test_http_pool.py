"""The agent's own HTTP client against servers that say exactly what a test wants, byte by byte."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
import trustme

from tocsin_agent.http_pool import HttpPool, HttpTrouble
from tocsin_agent.link import TooLarge

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n"


class Server:
    """Answers the requests of each connection with what is next in its list, then closes it."""

    def __init__(self, *connections: Sequence[bytes]) -> None:
        self._scripts = list(connections)
        #: The connection that each request came by, from 0.
        self.came_by: list[int] = []
        self.heads: list[str] = []
        self.port = 0
        #: What it says on a connection at its end, once `speaks` is set.
        self.unasked = b""
        self.speaks = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = max(self.came_by, default=-1) + 1
        for answer in self._scripts.pop(0):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next(line for line in head.splitlines() if line.lower().startswith("content-length:"))
            await reader.readexactly(int(length.split(":")[1]))
            self.came_by.append(number)
            self.heads.append(head)
            writer.write(answer)
        if self.unasked:
            await self.speaks.wait()
            writer.write(self.unasked)
        writer.close()


class Hasty(Server):
    """Answers the first request before it has read its body, of which it reads no more."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.came_by:
            return await super().serve(reader, writer)
        await reader.readuntil(b"\r\n\r\n")
        self.came_by.append(0)
        writer.write(OK)
        await writer.wait_closed()
        return None


@asynccontextmanager
async def pool_for(server: Server, path: str = "", *, is_tls: bool = False) -> AsyncIterator[HttpPool]:
    near, far = None, None
    if is_tls:
        authority = trustme.CA()
        near, far = ssl.create_default_context(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.configure_trust(near)
        authority.issue_cert("127.0.0.1").configure_cert(far)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", ssl=far)
    server.port = listener.sockets[0].getsockname()[1]
    pool = HttpPool(f"http{'s' if is_tls else ''}://127.0.0.1:{server.port}{path}", near)
    try:
        yield pool
    finally:
        await pool.close()
        listener.close()


async def call(pool: HttpPool, key: str = "k", body: bytes = b"{}") -> bytes:
    headers = {"Authorization": f"Bearer {key}"}
    answer = await pool.post("/api/x", body, headers, timeout_secs=30, max_bytes=1_000)
    return answer.body


async def test_calls_follow_each_other_on_one_connection() -> None:
    server = Server([OK, CHUNKED, OK, b""])
    async with pool_for(server, "/behind/a proxy/") as pool:
        assert [await call(pool) for _ in range(3)] == [b"ok"] * 3
    assert server.came_by == [0, 0, 0]
    assert server.heads[0].startswith("POST /behind/a%20proxy/api/x HTTP/1.1\r\n")
    assert f"host: 127.0.0.1:{server.port}" in server.heads[0].lower()


async def test_a_connection_that_the_server_closed_is_replaced() -> None:
    server = Server([OK], [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok"], [OK])
    async with pool_for(server) as pool:
        for _ in range(3):
            assert await call(pool) == b"ok"
            async with asyncio.timeout(30):
                while any(kept.is_open for kept in pool._kept):
                    await asyncio.sleep(0.01)
    assert server.came_by == [0, 1, 2]


async def test_an_answer_to_nothing_is_not_taken_for_the_next_one() -> None:
    server = Server([OK + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", OK], [OK])
    async with pool_for(server) as pool:
        assert [await call(pool), await call(pool)] == [b"ok", b"ok"]
    assert server.came_by == [0, 1]


async def test_what_comes_unasked_while_nobody_calls_is_not_taken_for_the_next_answer() -> None:
    server = Server([OK], [OK])
    server.unasked = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    async with pool_for(server) as pool:
        assert await call(pool) == b"ok"
        (kept,) = pool._kept
        server.speaks.set()
        async with asyncio.timeout(30):
            while kept.is_open:
                await asyncio.sleep(0.01)
        assert await call(pool) == b"ok"
    assert server.came_by == [0, 1]


@pytest.mark.parametrize("is_tls", [False, True])
async def test_nothing_is_sent_behind_a_request_that_was_answered_before_it_was_sent(is_tls: bool) -> None:
    server = Hasty([OK])
    async with pool_for(server, is_tls=is_tls) as pool:
        assert await call(pool, body=bytes(32 * 1024 * 1024)) == b"ok"
        assert await call(pool) == b"ok"
    assert server.came_by == [0, 1]


@pytest.mark.parametrize(
    "answer",
    [b"", b"SSH-2.0-OpenSSH\r\n", OK[:-1], b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", b"x" * 100_000],
)
async def test_what_is_no_answer_is_trouble(answer: bytes) -> None:
    server = Server([answer])
    async with pool_for(server) as pool:
        with pytest.raises((HttpTrouble, ConnectionResetError)):
            await call(pool)


@pytest.mark.parametrize("head", [b"Content-Length: 5000", b"Connection: close"])
async def test_no_more_is_read_than_is_wanted(head: bytes) -> None:
    server = Server([b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + b"x" * 5_000])
    async with pool_for(server) as pool:
        with pytest.raises(TooLarge):
            await call(pool)


async def test_a_key_that_can_not_be_sent_is_not_shown() -> None:
    async with pool_for(Server()) as pool:
        with pytest.raises(HttpTrouble) as caught:
            await call(pool, "tsk_secret\r\nX-Other: 1")
    assert "tsk_secret" not in str(caught.value)
    assert "characters that HTTP does not carry" in str(caught.value)
