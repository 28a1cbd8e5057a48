"""Cuts the two streams of an execution into lines, and knows from where a reader who has seen a line goes on.

Pure. The position `12-0` after a line means: twelve bytes of stdout and none of stderr have been shown. Started
again from any such position, the same chunks give the same lines.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tocsin_controller.services.output_text import gap_line

#: Longer lines come in pieces of this many bytes, cut between characters.
MAX_LINE_BYTES = 64 * 1024
_MAX_OFFSET_DIGITS = 18
_PREFIXES = {1: "", 2: "[stderr] "}


@dataclass(slots=True)
class _Stream:
    """One stream: what was read, what of it was shown, and the beginning of a line that has no end yet."""

    prefix: str
    shown: int
    read: int
    rest: bytearray = field(default_factory=bytearray)


class LineCutter:
    """Both streams of one execution."""

    def __init__(self, position: str | None = None) -> None:
        self._streams = {
            number: _Stream(_PREFIXES[number], start, start)
            for number, start in zip(_PREFIXES, parse_position(position), strict=True)
        }

    @property
    def read(self) -> tuple[int, int]:
        """How far each stream was read."""
        return self._streams[1].read, self._streams[2].read

    @property
    def position(self) -> str:
        """Where a reader who has seen everything so far goes on."""
        return f"{self._streams[1].shown}-{self._streams[2].shown}"

    def feed(self, stream: int, offset: int, data: bytes) -> Iterator[tuple[str, str]]:
        """The lines that a chunk completes, each with the position after it."""
        one = self._streams[stream]
        if offset > one.read:
            yield from self._flush(one)
            text = one.prefix + gap_line(offset - one.read)
            one.shown = one.read = offset
            yield text, self.position
        one.rest += data[max(one.read - offset, 0) :]
        one.read = max(one.read, offset + len(data))
        yield from self._complete_lines(one)

    def finish(self) -> Iterator[tuple[str, str]]:
        """The last lines, which have no end."""
        for one in self._streams.values():
            yield from self._flush(one)

    def _complete_lines(self, one: _Stream) -> Iterator[tuple[str, str]]:
        start = 0
        try:
            while True:
                end = one.rest.find(b"\n", start, start + MAX_LINE_BYTES + 1)
                if end < 0:
                    if len(one.rest) - start <= MAX_LINE_BYTES:
                        return
                    end = _between_characters(one.rest, start, start + MAX_LINE_BYTES)
                    skip = 0
                else:
                    skip = 1
                text = one.prefix + _decode(one.rest[start:end])
                one.shown += end + skip - start
                start = end + skip
                yield text, self.position
        finally:
            del one.rest[:start]

    def _flush(self, one: _Stream) -> Iterator[tuple[str, str]]:
        if one.rest:
            text = one.prefix + _decode(one.rest)
            one.shown += len(one.rest)
            one.rest.clear()
            yield text, self.position


def parse_position(position: str | None) -> tuple[int, int]:
    """Offsets out of a position; anything else starts from the beginning."""
    stdout, _, stderr = (position or "").partition("-")
    if _is_offset(stdout) and _is_offset(stderr):
        return int(stdout), int(stderr)
    return 0, 0


def _is_offset(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MAX_OFFSET_DIGITS


def _decode(data: bytearray) -> str:
    return data.decode("utf-8", "replace").rstrip("\r")


def _between_characters(data: bytearray, start: int, end: int) -> int:
    """The last place up to `end` that is not inside a UTF-8 character."""
    for place in range(end, max(end - 4, start), -1):
        if data[place] & 0xC0 != 0x80:
            return place
    return end
