"""The output of one execution on its way to the controller: one append-only file, made at its first output."""

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tocsin_agent.files import write_all
from tocsin_agent.journal.framing import HEADER_BYTES, Found, frame, walk
from tocsin_agent.journal.quarantine import Quarantine
from tocsin_shared.executions import STREAM_NUMBERS, STREAMS_BY_NUMBER, Stream
from tocsin_shared.protocol import MAX_CHUNK_BYTES

_HEADER = struct.Struct(">IBQ")
#: Around the bytes of one chunk.
OVERHEAD_BYTES = HEADER_BYTES + _HEADER.size


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes of one stream, and where the next chunk stands in the file."""

    seq: int
    stream: Stream
    offset: int
    data: bytes
    next_position: int


class Spool:
    """Appends and reads chunks. Raises OSError when the disk refuses.

    The file is open only while something is appended: thousands may wait for a controller that is away.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1
        #: Length of the file, and up to where it was delivered.
        self.size = path.stat().st_size if path.exists() else 0
        self.delivered = 0
        #: Some of what was written can't be read any more.
        self.is_damaged = False

    @classmethod
    def recover(cls, path: Path, quarantine: Quarantine, *, is_written: bool = False) -> tuple["Spool", int]:
        """A spool found after a crash, without what is no whole chunk, and the newest sequence number in it.

        With `is_written` a keeper goes on writing it: half a chunk at the end is no damage but will be whole soon.
        """
        spool, newest, damage = cls(path), 1, []
        with spool._reading() as fd:
            for found in spool._walk(fd, 0):
                if found.payload is None:
                    damage.append((found.begin, found.end))
                else:
                    newest = max(newest, _HEADER.unpack_from(found.payload)[0])
        if is_written and damage and damage[-1][1] == spool.size:
            spool.size = damage.pop()[0]
        if damage:
            spool.is_damaged = True
            quarantine.keep_spans(path, damage)
            if damage[-1][1] == spool.size:
                spool.size = damage[-1][0]
                os.truncate(path, spool.size)
        return spool, newest

    def grow(self, size: int) -> None:
        """Somebody else has appended whole chunks up to here."""
        self.size = max(self.size, size)

    def append(self, seq: int, stream: Stream, offset: int, data: bytes) -> None:
        """Add a chunk."""
        if self._fd < 0:
            flags = os.O_CREAT | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
            self._fd = os.open(self._path, flags, 0o600)
        record = frame(_HEADER.pack(seq, STREAM_NUMBERS[stream], offset) + data)
        try:
            write_all(self._fd, record)
        except OSError:
            # Half a chunk would only be damage.
            os.ftruncate(self._fd, self.size)
            raise
        self.size += len(record)

    def undelivered(self, max_bytes: int) -> Iterator[Chunk]:
        """Chunks in order from where delivery stands, at least one if there is any, up to so many bytes."""
        if self.delivered >= self.size:
            return
        total, begin = 0, self.delivered
        with self._reading() as fd:
            for found in self._walk(fd, begin):
                if found.payload is None:
                    self.is_damaged = True
                    if found.end >= self.size and total == 0:
                        self.delivered = self.size  # nothing more to be had
                    continue
                seq, number, offset = _HEADER.unpack_from(found.payload)
                data = found.payload[_HEADER.size :]
                total += max(len(data), 1)
                yield Chunk(seq, STREAMS_BY_NUMBER[number], offset, data, found.end)
                if total >= max_bytes:
                    return
        if total == 0:
            self.delivered = self.size

    def lengths(self) -> dict[Stream, int]:
        """How far each stream got. Reads the whole file: for what an earlier process left."""
        ends = dict.fromkeys(Stream, 0)
        with self._reading() as fd:
            for found in self._walk(fd, 0):
                if found.payload is not None:
                    _, number, offset = _HEADER.unpack_from(found.payload)
                    stream = STREAMS_BY_NUMBER[number]
                    ends[stream] = max(ends[stream], offset + len(found.payload) - _HEADER.size)
        return ends

    def sync(self) -> None:
        """Make what was appended survive a power cut."""
        with suppress(FileNotFoundError), self._reading() as fd:  # settled meanwhile: nobody needs it
            os.fdatasync(fd)

    def rest(self) -> None:
        """Nothing is appended for now: keep no file open."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def close(self, *, remove: bool) -> None:
        """Give up the file; with `remove` it is deleted."""
        self.rest()
        if remove:
            self._path.unlink(missing_ok=True)

    def _walk(self, fd: int, begin: int) -> Iterator[Found]:
        """Chunks and damage; a record that is no chunk is damage too."""
        for found in walk(fd, begin, self.size, max_payload_bytes=_HEADER.size + MAX_CHUNK_BYTES):
            yield found if _is_chunk(found.payload) else Found(None, found.begin, found.end)

    @contextmanager
    def _reading(self) -> Iterator[int]:
        if self._fd >= 0:
            yield self._fd
            return
        fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            yield fd
        finally:
            os.close(fd)


def _is_chunk(payload: bytes | None) -> bool:
    if payload is None or len(payload) < _HEADER.size:
        return False
    number: int = _HEADER.unpack_from(payload)[1]
    return number in STREAMS_BY_NUMBER
