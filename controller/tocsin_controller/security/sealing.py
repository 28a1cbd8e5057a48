"""Secrets at rest: AES-256-GCM under one of several keys, bound to the row that they stand in.

A sealed value is: one byte of format, eight of the key's id, twelve of nonce, then ciphertext and tag. The associated
data is all that comes before the nonce and the place, so a value that is moved to another row does not open there.
"""

import base64
import binascii
import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tocsin_controller.security.key_error import EncryptionKeyError
from tocsin_shared.errors import Conflict, InvalidInput

KEY_BYTES: Final = 32
KEY_ID_BYTES: Final = 8
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_FORMAT: Final = b"\x01"
#: A key as people write it: 32 bytes in hexadecimal, or in base64 of either alphabet.
_HEX: Final = re.compile(r"[0-9A-Fa-f]{64}")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{43}=?")

HOW_TO_MAKE_ONE: Final = "make one with: openssl rand -base64 32"


class CannotUnseal(Exception):
    """A stored secret can't be read with the keys that this controller has."""


@dataclass(frozen=True, slots=True)
class SealingKey:
    """One key. Its id says nothing about it, and the same key has the same id everywhere."""

    secret: bytes = field(repr=False)

    @property
    def id(self) -> bytes:
        """What ciphertexts carry to say which key opens them."""
        return hashlib.sha256(b"tocsin encryption key id\0" + self.secret).digest()[:KEY_ID_BYTES]


class Vault:
    """Seals with the first of its keys, opens with any of them. Without keys it seals nothing."""

    def __init__(self, keys: Iterable[SealingKey] = ()) -> None:
        keys = tuple(keys)
        self._ciphers = {key.id: AESGCM(key.secret) for key in keys}
        #: The key that new values are sealed with; None when there is none.
        self.current_id: bytes | None = keys[0].id if keys else None

    @property
    def key_ids(self) -> frozenset[bytes]:
        """The keys that there are."""
        return frozenset(self._ciphers)

    def seal(self, text: str, place: str) -> bytes:
        """What is stored instead of the text. Raises InvalidInput when no key was configured."""
        if self.current_id is None:
            raise no_key()
        nonce = secrets.token_bytes(_NONCE_BYTES)
        head = _FORMAT + self.current_id
        return (
            head + nonce + self._ciphers[self.current_id].encrypt(nonce, text.encode(), _bound(head, place))
        )

    def unseal(self, sealed: bytes, place: str) -> str:
        """The text. Raises CannotUnseal; the error says nothing of the value."""
        head_bytes = len(_FORMAT) + KEY_ID_BYTES
        head, rest = sealed[:head_bytes], sealed[head_bytes:]
        if head[:1] != _FORMAT or len(rest) < _NONCE_BYTES + _TAG_BYTES:
            raise CannotUnseal("this is not in a form that this release knows")
        cipher = self._ciphers.get(head[1:])
        if cipher is None:
            raise CannotUnseal(
                f"it is encrypted with key {head[1:].hex()}, which this controller does not have"
            )
        try:
            plain = cipher.decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], _bound(head, place))
        except InvalidTag:
            raise CannotUnseal("it was changed, or stands in another place than it was stored for") from None
        return plain.decode()


def key_id_of(sealed: bytes) -> bytes:
    """The key that a sealed value was sealed with."""
    return sealed[len(_FORMAT) : len(_FORMAT) + KEY_ID_BYTES]


def no_key(field: str = "secret") -> InvalidInput:
    """What to say to somebody who wants to store a secret where that can't be done."""
    return InvalidInput.field(
        field,
        "this controller has no encryption key, so secrets can't be stored; set TOCSIN_ENCRYPTION_KEY or "
        f"TOCSIN_ENCRYPTION_KEY_FILE and start it again ({HOW_TO_MAKE_ONE})",
    )


def retired_key() -> Conflict:
    """What to say when another controller rotated this one's key out meanwhile."""
    return Conflict(
        "this controller encrypts with a key that was rotated out meanwhile; give it the current key"
    )


def parse_keys(text: str) -> list[SealingKey]:
    """Keys separated by commas or white space; a line may begin with `#`. Raises EncryptionKeyError."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    words = " ".join(lines).replace(",", " ").split()
    keys: list[SealingKey] = []
    for number, word in enumerate(words, 1):
        key = SealingKey(_key_bytes(word, number))
        if key not in keys:
            keys.append(key)
    return keys


def new_key() -> str:
    """A fresh key, as people write it."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def _key_bytes(word: str, number: int) -> bytes:
    try:
        if _HEX.fullmatch(word):
            return bytes.fromhex(word)
        if _BASE64.fullmatch(word):
            standard = word.rstrip("=").translate(str.maketrans("-_", "+/"))
            return base64.b64decode(standard + "=", validate=True)
    except (ValueError, binascii.Error):
        pass
    raise EncryptionKeyError(
        f"encryption key {number} is not 32 bytes in base64 or hexadecimal; {HOW_TO_MAKE_ONE}"
    )


def _bound(head: bytes, place: str) -> bytes:
    return b"tocsin\0" + head + place.encode()
