"""HTTP/1.1 as far as an agent that waits for work needs it: POSTs with short answers, on connections that are kept.

The library that tasks call servers with would be a quarter of an idle agent's memory (docs/decisions/0093).
"""

import asyncio
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from ssl import SSLContext
from urllib.parse import quote, urlsplit

import h11
from aiohappyeyeballs import start_connection

from tocsin_agent.link import TooLarge

#: Connections at once; further calls wait for one.
MAX_CONNECTIONS = 8
#: Servers and what stands before them close what is idle for longer: better not to be the one who finds out.
KEPT_SECS = 15.0
#: The second of a host's addresses is tried when the first has not answered by then.
NEXT_ADDRESS_SECS = 0.25
_READ_BYTES = 256 * 1024


class HttpTrouble(Exception):
    """The other side hung up, or does not speak HTTP."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said."""

    status: int
    #: By their names in lower case.
    headers: Mapping[str, str]
    body: bytes


class HttpPool:
    """Calls one server. Follows no redirects, keeps no cookies, knows no proxies, repeats nothing by itself."""

    def __init__(self, url: str, tls: SSLContext | None) -> None:
        """`url` may have a path, which goes before that of each call. `tls` is what a https address needs."""
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._tls = tls
        self._prefix = quote(parts.path.rstrip("/"), safe="/%:@!$&'()*+,;=~")
        self._host_header = parts.netloc if parts.netloc.isascii() else parts.netloc.encode("idna").decode()
        self._gate = asyncio.Semaphore(MAX_CONNECTIONS)
        self._kept: list[_Connection] = []
        self._is_closed = False

    async def post(
        self, path: str, body: bytes, headers: Mapping[str, str], *, timeout_secs: float, max_bytes: int
    ) -> Answer:
        """Raises HttpTrouble, TooLarge, TimeoutError, OSError."""
        request = self._request(path, {**headers, "Content-Length": str(len(body))})
        async with asyncio.timeout(timeout_secs), self._gate:
            connection = self._take() or await self._connect()
            try:
                answer = await connection.call(request, body, max_bytes)
            except BaseException:
                connection.abort()
                raise
            if connection.can_be_kept() and not self._is_closed:
                self._kept.append(connection)
            else:
                connection.abort()
            return answer

    async def close(self) -> None:
        """Close what was kept, and keep no more; calls under way end as they are."""
        self._is_closed = True
        while self._kept:
            await self._kept.pop().close()

    def _request(self, path: str, headers: Mapping[str, str]) -> h11.Request:
        own = {"Host": self._host_header, "User-Agent": "tocsin-agent"}
        head = [(name.encode(), value.encode()) for name, value in {**own, **headers}.items()]
        try:
            return h11.Request(method="POST", target=self._prefix + path, headers=head)
        except h11.LocalProtocolError:
            # What the library says shows the header, which may be the key.
            raise HttpTrouble("a header has characters that HTTP does not carry") from None

    def _take(self) -> "_Connection | None":
        """The one that was used last; what has grown old is closed."""
        oldest = asyncio.get_running_loop().time() - KEPT_SECS
        kept, self._kept = self._kept, []
        for connection in kept:
            if connection.is_open and connection.used_at > oldest:
                self._kept.append(connection)
            else:
                connection.abort()
        return self._kept.pop() if self._kept else None

    async def _connect(self) -> "_Connection":
        loop = asyncio.get_running_loop()
        addresses = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        connected = await start_connection(addresses, happy_eyeballs_delay=NEXT_ADDRESS_SECS)
        reader = asyncio.StreamReader(limit=_READ_BYTES)
        arrivals = _Arrivals(reader)
        if self._tls is None:
            raw, _ = await loop.create_connection(lambda: arrivals, sock=connected)
            return _Connection(reader, arrivals, raw, raw)
        # In two steps, for only what is below TLS knows how much was not sent yet.
        raw, _ = await loop.create_connection(asyncio.Protocol, sock=connected)
        try:
            secured = await loop.start_tls(raw, arrivals, self._tls, server_hostname=self._host)
        except BaseException:
            raw.abort()
            raise
        if secured is None:
            raw.abort()
            raise HttpTrouble("the connection was closed before TLS was spoken")
        arrivals.connection_made(secured)
        return _Connection(reader, arrivals, secured, raw)


class _Arrivals(asyncio.StreamReaderProtocol):
    """Counts what comes, whether or not somebody reads it."""

    count_bytes = 0

    def data_received(self, data: bytes) -> None:
        self.count_bytes += len(data)
        super().data_received(data)


class _Connection:
    """One connection, which carries one call at a time."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        arrivals: _Arrivals,
        transport: asyncio.WriteTransport,
        raw: asyncio.WriteTransport,
    ) -> None:
        """`raw` is what carries TLS, or `transport` itself."""
        self._reader = reader
        self._arrivals = arrivals
        self._writer = asyncio.StreamWriter(transport, arrivals, reader, asyncio.get_running_loop())
        self._raw = raw
        self._state = h11.Connection(h11.CLIENT)
        self._read_bytes = 0
        self.used_at = 0.0

    @property
    def is_open(self) -> bool:
        """Whether a call may begin here: what came without having been asked for is an answer to none."""
        is_quiet = self._arrivals.count_bytes == self._read_bytes
        return is_quiet and not self._reader.at_eof() and not self._writer.is_closing()

    async def call(self, request: h11.Request, body: bytes, max_bytes: int) -> Answer:
        try:
            events = (request, h11.Data(data=body), h11.EndOfMessage())
            # Not waited for: a server that wants no more of a long body says so while it comes.
            self._writer.write(b"".join(self._state.send(event) or b"" for event in events))
            return await self._answer(max_bytes)
        except h11.RemoteProtocolError as error:
            raise HttpTrouble(str(error)) from None

    def can_be_kept(self) -> bool:
        """Whether another call can follow; this makes it ready for that."""
        state = self._state
        if not self.is_open or state.our_state is not h11.DONE or state.their_state is not h11.DONE:
            return False
        if state.trailing_data[0]:
            return False  # an answer to nothing: the next one would be taken for another's
        if self._writer.transport.get_write_buffer_size() or self._raw.get_write_buffer_size():
            return False  # answered before the request was sent: the next would wait behind the rest of it
        state.start_next_cycle()
        self.used_at = asyncio.get_running_loop().time()
        return True

    def abort(self) -> None:
        """Close at once."""
        self._writer.transport.abort()

    async def close(self) -> None:
        """Close in good order."""
        self._writer.close()
        with suppress(OSError, TimeoutError):
            await asyncio.wait_for(self._writer.wait_closed(), 1)

    async def _answer(self, max_bytes: int) -> Answer:
        status, headers, body = 0, dict[str, str](), bytearray()
        while True:
            event = self._state.next_event()
            if event is h11.NEED_DATA:
                data = await self._reader.read(_READ_BYTES)
                self._read_bytes += len(data)
                self._state.receive_data(data)
            elif isinstance(event, h11.Response):
                status = event.status_code
                headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
                if int(headers.get("content-length", 0)) > max_bytes:
                    raise TooLarge("the answer is too large")
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > max_bytes:
                    raise TooLarge("the answer is too large")
            elif isinstance(event, h11.EndOfMessage):
                return Answer(status, headers, bytes(body))
            elif not isinstance(event, h11.InformationalResponse):
                raise HttpTrouble("the connection was closed before an answer came")
