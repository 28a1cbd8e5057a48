"""Server-sent events: a body in pieces becomes the data of its events."""

from collections.abc import AsyncIterable, AsyncIterator


class TooLarge(Exception):
    """More than is taken."""


async def events_of(pieces: AsyncIterable[bytes], max_bytes: int) -> AsyncIterator[str]:
    """The data of each event. Raises TooLarge when one is larger than this."""
    data: list[bytes] = []
    size = 0
    async for line in _lines(pieces, max_bytes):
        if not line:
            if data:
                yield b"\n".join(data).decode("utf-8", "replace")
            data, size = [], 0
        elif line == b"data" or line.startswith(b"data:"):
            value = line[5:].removeprefix(b" ")
            size += len(value) + 1
            if size > max_bytes:
                raise TooLarge
            data.append(value)


async def _lines(pieces: AsyncIterable[bytes], max_bytes: int) -> AsyncIterator[bytes]:
    """Lines end with CR LF, LF or CR; the two of CR LF may come in different pieces."""
    rest = bytearray()
    ends_with_cr = False
    async for piece in pieces:
        if ends_with_cr and piece.startswith(b"\n"):
            piece = piece[1:]
        if not piece:
            continue
        ends_with_cr = piece.endswith(b"\r")
        *whole, last = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        for line in whole:
            yield bytes(rest) + line
            rest.clear()
        rest += last
        if len(rest) > max_bytes:
            raise TooLarge
