"""Stored chunks of output as text for people: gaps are marked, what is not UTF-8 is replaced."""

from collections.abc import Iterable


def gap_mark(size: int) -> bytes:
    """The line that stands for bytes that were not kept."""
    return f"\n[... {size} bytes omitted ...]\n".encode()


def whole_text(chunks: Iterable[tuple[int, bytes]]) -> str:
    """One stream. Chunks come in order as (offset, bytes); a jump in the offsets is a gap."""
    parts: list[bytes] = []
    position = 0
    for offset, data in chunks:
        if offset > position:
            parts.append(gap_mark(offset - position))
        parts.append(data[max(position - offset, 0) :])
        position = max(position, offset + len(data))
    return b"".join(parts).decode("utf-8", "replace")
