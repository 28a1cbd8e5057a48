"""Numbers that stand for a name: they spread jobs over time, and are the same wherever and whenever they are asked.

They come from the job's name and not from its id, so that the instants of a job can be shown before it is created and
stay the same when it is created again from a file. A renamed job gets others.
"""

from datetime import datetime, timedelta
from hashlib import blake2b


def number_for(*words: str) -> int:
    """A number that looks random and is always the same for the same words."""
    return int.from_bytes(blake2b("\0".join(words).encode(), digest_size=8).digest())


def jitter(name: str, instant: datetime, jitter_secs: int) -> timedelta:
    """How long the run of an instant waits: up to `jitter_secs`, in milliseconds."""
    if jitter_secs == 0:
        return timedelta(0)
    return timedelta(milliseconds=number_for(name, instant.isoformat()) % (jitter_secs * 1000 + 1))
