"""A receiver of the forward protocol of fluentd, over TCP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgpack


@dataclass
class Fluentd:
    """Events that came: tag, time, record."""

    port: int = 0
    acknowledges: bool = True
    #: Acknowledges nothing before that.
    until: asyncio.Event | None = None
    events: list[tuple[str, int, dict[str, Any]]] = field(default_factory=list)

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        unpacker = msgpack.Unpacker()
        while data := await reader.read(65_536):
            unpacker.feed(data)
            for tag, when, record, options in unpacker:
                self.events.append((tag, when, record))
                if self.until is not None:
                    await self.until.wait()
                if self.acknowledges:
                    writer.write(msgpack.packb({"ack": options["chunk"]}))
                    await writer.drain()
                else:
                    writer.close()
        writer.close()


@asynccontextmanager
async def fluentd(*, acknowledges: bool = True, until: asyncio.Event | None = None) -> AsyncIterator[Fluentd]:
    """On a free port of 127.0.0.1."""
    one = Fluentd(acknowledges=acknowledges, until=until)
    server = await asyncio.start_server(one.take, "127.0.0.1", 0)
    one.port = server.sockets[0].getsockname()[1]
    async with server:
        yield one
