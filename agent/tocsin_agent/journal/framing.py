"""Records in a file: `TJ`, length, CRC-32, payload. Damage is noticed and skipped, never believed."""

import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

MAGIC = b"TJ"
_HEADER = struct.Struct(">2sII")
HEADER_BYTES = _HEADER.size

#: Nothing we write is longer; a length beyond it is damage.
MAX_PAYLOAD_BYTES = 1024 * 1024


@dataclass(slots=True)
class Scan:
    """What a stretch of bytes holds."""

    payloads: list[bytes] = field(default_factory=list)
    #: Where each of them ends.
    ends: list[int] = field(default_factory=list)
    #: Up to here (exclusive) whole records, or damage between whole records.
    good_end: int = 0
    #: (from, to) of damage that whole records follow.
    damaged: list[tuple[int, int]] = field(default_factory=list)
    #: Bytes after `good_end`: a record that a crash cut short.
    torn_bytes: int = 0


def frame(payload: bytes) -> bytes:
    """A payload as it stands in the file."""
    return _HEADER.pack(MAGIC, len(payload), zlib.crc32(payload)) + payload


def frames(payloads: Iterable[bytes]) -> bytes:
    """Several, one after the other."""
    return b"".join(map(frame, payloads))


def read_one(data: bytes, position: int) -> tuple[bytes, int] | None:
    """The payload of the record at `position` and where the next one stands; None if there is no whole one."""
    if position + HEADER_BYTES > len(data):
        return None
    magic, length, crc = _HEADER.unpack_from(data, position)
    start = position + HEADER_BYTES
    if magic != MAGIC or length > MAX_PAYLOAD_BYTES or start + length > len(data):
        return None
    payload = data[start : start + length]
    return (payload, start + length) if zlib.crc32(payload) == crc else None


def scan(data: bytes) -> Scan:
    """Every whole record, wherever damage stands between them."""
    found = Scan()
    position = 0
    while position < len(data):
        record = read_one(data, position)
        if record is None:
            restart = _next_record(data, position + 1)
            if restart is None:
                break
            found.damaged.append((position, restart))
            position = restart
        else:
            payload, position = record
            found.payloads.append(payload)
            found.ends.append(position)
            found.good_end = position
    found.torn_bytes = len(data) - found.good_end
    return found


@dataclass(frozen=True, slots=True)
class Found:
    """A stretch of a file: a record, or bytes that are none."""

    #: None for damage.
    payload: bytes | None
    begin: int
    end: int


def walk(fd: int, begin: int, end: int, *, max_payload_bytes: int = MAX_PAYLOAD_BYTES) -> Iterator[Found]:
    """What stands in a stretch of a file, in order, reading a piece at a time. Raises OSError."""
    longest = HEADER_BYTES + max_payload_bytes
    block, base = b"", begin
    position, damaged_from = begin, -1
    while position < end:
        if base + len(block) < min(position + longest, end):
            block, base = os.pread(fd, min(end - position, 4 * longest), position), position
            if not block:
                break  # the file is shorter than it was
        record = read_one(block, position - base)
        if record is None:
            damaged_from = position if damaged_from < 0 else damaged_from
            found = block.find(MAGIC, position - base + 1)
            # Its first byte may be the last one of the block.
            position = base + (found if found != -1 else max(len(block) - 1, position - base + 1))
            continue
        if damaged_from >= 0:
            yield Found(None, damaged_from, position)
            damaged_from = -1
        payload, stop = record
        yield Found(payload, position, base + stop)
        position = base + stop
    if damaged_from >= 0:
        yield Found(None, damaged_from, end)


def _next_record(data: bytes, position: int) -> int | None:
    while (position := data.find(MAGIC, position)) != -1:
        if read_one(data, position) is not None:
            return position
        position += 1
    return None
