"""Time-ordered identifiers (UUIDv7, RFC 9562 section 5.7)."""

import hashlib
import os
import threading
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MS = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)
_VERSION_AND_VARIANT = (7 << 76) | (0b10 << 62)

_lock = threading.Lock()
_last = 0


def new_id() -> UUID:
    """A fresh UUIDv7. Ids made by one process never go backwards, so index inserts stay at the right edge."""
    global _last
    value = _compose(time.time_ns() // 1_000_000, int.from_bytes(os.urandom(10), "big"))
    with _lock:
        if value <= _last:
            value = _increment(_last)
        _last = value
    return UUID(int=value)


def occurrence_id(job_id: UUID, scheduled_for: datetime) -> UUID:
    """The id of the run of `job_id` due at `scheduled_for`: always the same for the same occurrence.

    Two controllers that fire the same instant therefore write the same primary key, which is how
    guarantee G1 (one run per due instant) survives partitioning by time.
    """
    micros = (scheduled_for - _EPOCH) // timedelta(microseconds=1)  # exact; a float of seconds is not
    digest = hashlib.blake2b(job_id.bytes + micros.to_bytes(8, "big", signed=True), digest_size=10).digest()
    return UUID(int=_compose(max(micros // 1000, 0), int.from_bytes(digest, "big")))


def id_floor(moment: datetime) -> UUID:
    """The smallest UUIDv7 whose time is `moment`: a bound for range scans and partitions."""
    return UUID(int=max((moment - _EPOCH) // timedelta(milliseconds=1), 0) << 80)


def id_time(value: UUID) -> datetime:
    """When a UUIDv7 was made (milliseconds, UTC). What others sent may name no year that there is: the last then."""
    return _EPOCH + timedelta(milliseconds=min(value.int >> 80, _LAST_MS))


def _compose(unix_ms: int, random_bits: int) -> int:
    return (unix_ms << 80) | _VERSION_AND_VARIANT | _spread(random_bits)


def _spread(bits: int) -> int:
    """74 of the given bits, laid around the version and variant fields."""
    bits &= (1 << 74) - 1
    return ((bits >> 62) << 64) | (bits & ((1 << 62) - 1))


def _increment(value: int) -> int:
    """The next id after `value`, carrying over the version and variant bits."""
    tail = ((value >> 64) & 0xFFF) << 62 | (value & ((1 << 62) - 1))
    tail += 1
    return _compose((value >> 80) + (tail >> 74), tail)
