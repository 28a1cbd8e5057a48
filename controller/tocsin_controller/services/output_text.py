"""Stored chunks of output as text for people: gaps are marked, what is not UTF-8 is replaced."""

from collections.abc import AsyncIterator, Iterable


def gap_line(size: int) -> str:
    """The line that stands for bytes that were not kept."""
    return f"[... {size} bytes omitted ...]"


class Joiner:
    """Puts chunks of one stream together. They come in order as (offset, bytes); a jump is a gap."""

    def __init__(self) -> None:
        self._position = 0
        self._ends_line = True

    def feed(self, offset: int, data: bytes) -> bytes:
        """What the chunk adds to the text."""
        mark = self._mark(offset)
        fresh = data[max(self._position - offset, 0) :]
        self._position = max(self._position, offset + len(data))
        if fresh:
            self._ends_line = fresh.endswith(b"\n")
        return mark + fresh

    def finish(self, size: int) -> bytes:
        """What is to be added when the stream is known to have been this long."""
        return self._mark(size)

    def _mark(self, offset: int) -> bytes:
        if offset <= self._position:
            return b""
        line = f"{gap_line(offset - self._position)}\n".encode()
        if not self._ends_line:
            line = b"\n" + line
        self._position, self._ends_line = offset, True
        return line


def whole_text(chunks: Iterable[tuple[int, bytes]], size: int = 0) -> str:
    """One stream, which was `size` bytes long when all of it is counted."""
    joiner = Joiner()
    parts = [joiner.feed(offset, data) for offset, data in chunks]
    parts.append(joiner.finish(size))
    return b"".join(parts).decode("utf-8", "replace")


async def text_parts(chunks: AsyncIterator[tuple[int, bytes]], size: int) -> AsyncIterator[bytes]:
    """The same as bytes, piece by piece."""
    joiner = Joiner()
    async for offset, data in chunks:
        yield joiner.feed(offset, data)
    if rest := joiner.finish(size):
        yield rest
