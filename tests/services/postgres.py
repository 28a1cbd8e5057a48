"""PostgreSQL that asks for passwords and speaks TLS. Tests that need neither use the session's own server.

The server that comes with Tocsin was built without TLS: what stands before it takes its part of the conversation.
"""

import asyncio
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import trustme

from tests.net import free_port
from tests.postgres import UNSAFE_BUT_FAST
from tocsin_controller.embedded import EmbeddedPostgres

#: The only name in its certificate.
NAME = "db.example"
#: How a client of PostgreSQL asks for TLS before all else; the server answers with S.
_ASKS_FOR_TLS = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"


class PostgresServer:
    """Where it is, and the authority that signed its certificate, in PEM."""

    def __init__(self, embedded: EmbeddedPostgres, server_port: int, port: int) -> None:
        self.embedded = embedded
        self.port = port
        self._server_port = server_port
        self._authority = trustme.CA()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(NAME).configure_cert(self._context)
        self.url = embedded.tcp_dsn().replace(f":{server_port}/", f":{port}/")
        #: Conversations over TLS so far.
        self.secured = 0

    @property
    def ca(self) -> str:
        """In PEM."""
        return self._authority.cert_pem.bytes().decode()

    @property
    def password(self) -> str:
        """Of the URL's user."""
        return str(urlsplit(self.url).password)

    async def serve(self, until: asyncio.Event, is_ready: threading.Event) -> None:
        """Stand before the server."""
        async with await asyncio.start_server(self._client, "127.0.0.1", self.port):
            is_ready.set()
            await until.wait()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            first = await reader.readexactly(8)
            if first == _ASKS_FOR_TLS:
                writer.write(b"S")
                await writer.start_tls(self._context)
                self.secured += 1
                first = b""
            to_server = await asyncio.open_connection("127.0.0.1", self._server_port)
            to_server[1].write(first)
            await asyncio.wait(
                {
                    asyncio.create_task(_copy(reader, to_server[1])),
                    asyncio.create_task(_copy(to_server[0], writer)),
                },
                return_when=asyncio.FIRST_COMPLETED,
            )
            to_server[1].close()
        writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A server on a fresh data directory that may lose everything in a power cut."""
    with tempfile.TemporaryDirectory(prefix="tocsin-test-", ignore_cleanup_errors=True) as directory:
        Path(directory).chmod(0o711)
        server_port, port = free_port(), free_port()
        with EmbeddedPostgres(Path(directory) / "pg", UNSAFE_BUT_FAST, listen_port=server_port) as embedded:
            server = PostgresServer(embedded, server_port, port)
            loop, is_ready = asyncio.new_event_loop(), threading.Event()
            until = asyncio.Event()
            thread = threading.Thread(
                target=loop.run_until_complete, args=(server.serve(until, is_ready),), daemon=True
            )
            thread.start()
            is_ready.wait(30)
            try:
                yield server
            finally:
                loop.call_soon_threadsafe(until.set)
                thread.join(30)
                for task in asyncio.all_tasks(loop):
                    task.cancel()
                loop.run_until_complete(asyncio.sleep(0))
                loop.close()
