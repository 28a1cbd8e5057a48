"""A receiver of the forward protocol of fluentd, over TCP."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Fluentd:
    """Events that came: tag, time, record."""

    port: int = 0
    acknowledges: bool = True
    events: list[tuple[str, int, dict[str, Any]]] = field(default_factory=list)

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection with one event."""
        tag, when, record, options = await _read(reader)
        self.events.append((tag, when, record))
        if self.acknowledges:
            chunk = options["chunk"].encode()
            writer.write(b"\x81\xa3ack" + bytes([0xA0 | len(chunk)]) + chunk)
            await writer.drain()
        writer.close()


async def _read(reader: asyncio.StreamReader) -> Any:
    """One value in MessagePack, as its specification has it."""

    async def number(form: str) -> int:
        (found,) = struct.unpack(form, await reader.readexactly(struct.calcsize(form)))
        return int(found)

    (first,) = await reader.readexactly(1)
    match first:
        case 0xC0 | 0xC2 | 0xC3:
            return {0xC0: None, 0xC2: False, 0xC3: True}[first]
        case 0xD3:
            return await number(">q")
        case 0xDB:
            return (await reader.readexactly(await number(">I"))).decode()
        case 0xDD:
            return [await _read(reader) for _ in range(await number(">I"))]
        case 0xDF:
            return {await _read(reader): await _read(reader) for _ in range(await number(">I"))}
        case _ if first & 0xE0 == 0xA0:
            return (await reader.readexactly(first & 0x1F)).decode()
    raise ValueError(f"an unexpected byte {first:#x}")


@asynccontextmanager
async def fluentd(*, acknowledges: bool = True) -> AsyncIterator[Fluentd]:
    """On a free port of 127.0.0.1."""
    one = Fluentd(acknowledges=acknowledges)
    server = await asyncio.start_server(one.take, "127.0.0.1", 0)
    one.port = server.sockets[0].getsockname()[1]
    async with server:
        yield one
