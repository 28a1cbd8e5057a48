"""The output of one execution on its way to the controller: one append-only file, made at its first output."""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tocsin_agent.files import write_all
from tocsin_agent.journal.framing import frame, read_one, scan
from tocsin_shared.executions import STREAM_NUMBERS, STREAMS_BY_NUMBER, Stream

_HEADER = struct.Struct(">IBQ")
_READ_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes of one stream, and where the next chunk stands in the file."""

    seq: int
    stream: Stream
    offset: int
    data: bytes
    next_position: int


class Spool:
    """Appends and reads chunks. Raises OSError when the disk refuses."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = os.open(path, os.O_CREAT | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC, 0o600)
        #: Length of the file, and up to where it was delivered.
        self.size = os.fstat(self._fd).st_size
        self.delivered = 0

    @classmethod
    def recover(cls, path: Path) -> tuple["Spool", int]:
        """A spool found after a crash, cut to whole chunks, and the newest sequence number in it."""
        spool = cls(path)
        found = scan(path.read_bytes())
        if found.torn_bytes:
            os.ftruncate(spool._fd, found.good_end)
            spool.size = found.good_end
        newest = max((_HEADER.unpack_from(p)[0] for p in found.payloads if len(p) >= _HEADER.size), default=1)
        return spool, newest

    def append(self, seq: int, stream: Stream, offset: int, data: bytes) -> None:
        """Add a chunk."""
        record = frame(_HEADER.pack(seq, STREAM_NUMBERS[stream], offset) + data)
        try:
            write_all(self._fd, record)
        except OSError:
            # Half a chunk would hide all that follow it.
            os.ftruncate(self._fd, self.size)
            raise
        self.size += len(record)

    def undelivered(self, max_bytes: int) -> Iterator[Chunk]:
        """Chunks in order from where delivery stands, at least one if there is any, up to so many bytes."""
        position, total = self.delivered, 0
        while position < self.size and total < max_bytes:
            block = os.pread(self._fd, min(self.size - position, _READ_BYTES), position)
            used = 0
            while total < max_bytes and (record := read_one(block, used)) is not None:
                payload, used = record
                seq, number, offset = _HEADER.unpack_from(payload)
                data = payload[_HEADER.size :]
                total += len(data)
                yield Chunk(seq, STREAMS_BY_NUMBER[number], offset, data, position + used)
            if used == 0:
                if position == self.delivered:  # else what stands before the damage goes first
                    self.delivered = self.size  # damaged from here on: what follows can't be told apart
                return
            position += used

    def lengths(self) -> dict[Stream, int]:
        """How far each stream got. Reads the whole file: for what an earlier process left."""
        ends = dict.fromkeys(Stream, 0)
        for payload in scan(os.pread(self._fd, self.size, 0)).payloads:
            _, number, offset = _HEADER.unpack_from(payload)
            stream = STREAMS_BY_NUMBER[number]
            ends[stream] = max(ends[stream], offset + len(payload) - _HEADER.size)
        return ends

    def sync(self) -> None:
        """Make what was appended survive a power cut."""
        os.fdatasync(self._fd)

    def close(self, *, remove: bool) -> None:
        """Give up the file; with `remove` it is deleted."""
        os.close(self._fd)
        if remove:
            self._path.unlink(missing_ok=True)
