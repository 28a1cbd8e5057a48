"""Making keys and turning them into what is stored: `tsk_` and 32 random bytes, SHA-256 at rest.

A fast hash is right here: the keys are 256 random bits, so there is nothing to guess.
"""

import hashlib
import secrets
from dataclasses import dataclass

KEY_PREFIX = "tsk_"
#: How much of a key is shown in lists.
SHOWN_CHARS = 11
#: Longer ones are refused before they are hashed.
MAX_KEY_CHARS = 512


@dataclass(frozen=True, slots=True)
class Secret:
    """A key at the moment it is made: the only time its text exists here."""

    raw: str
    hash: bytes
    prefix: str

    def __repr__(self) -> str:
        return f"Secret({self.prefix}...)"


def new_secret() -> Secret:
    """A fresh key."""
    return secret_from(KEY_PREFIX + secrets.token_urlsafe(32))


def secret_from(raw: str) -> Secret:
    """A key with a text that somebody chose (bootstrap presets)."""
    return Secret(raw, hash_key(raw), raw[: min(SHOWN_CHARS, len(raw) // 2)])


def hash_key(raw: str) -> bytes:
    """What is stored and looked up."""
    return hashlib.sha256(raw.encode("utf-8", "surrogatepass")).digest()
