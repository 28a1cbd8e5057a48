"""Whether a call of a signed webhook comes from somebody who knows its secret, and comes for the first time. Pure.

Three forms, told apart by their headers:

- ours: `X-Tocsin-Timestamp` (Unix seconds) and `X-Tocsin-Signature: sha256=<hex>`, the HMAC-SHA256 of
  `<timestamp>.<body>`. Old calls are refused, young ones are remembered.
- GitHub's `X-Hub-Signature-256: sha256=<hex>` of the body. It carries no time, so it is remembered for long.
- GitLab's `X-Gitlab-Token`, the secret itself, with `X-Gitlab-Event-UUID` naming the call.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tocsin_shared.errors import Unauthorized

#: How far the sender's clock, and the way of the call, may be off.
WINDOW_SECS: Final = 300
#: How long calls without a time are remembered.
REMEMBERED_SECS: Final = 7 * 86_400


@dataclass(frozen=True, slots=True)
class Proof:
    """The caller knows the secret."""

    #: What makes this call one of its kind; None when nothing does.
    nonce: bytes | None
    #: How long the same is not to be accepted again.
    remember_secs: float


def prove(headers: Mapping[str, str], body: bytes, secret: str, *, now: float) -> Proof:
    """Raises Unauthorized, always with the same words."""
    if (signature := headers.get("X-Tocsin-Signature")) is not None:
        timestamp = headers.get("X-Tocsin-Timestamp", "")
        if not _is_now(timestamp, now) or not _is_mac(signature, secret, timestamp.encode() + b"." + body):
            raise _refused()
        return Proof(_digest("tocsin", signature), 2 * WINDOW_SECS)
    if (signature := headers.get("X-Hub-Signature-256")) is not None:
        if not _is_mac(signature, secret, body):
            raise _refused()
        return Proof(_digest("github", signature), REMEMBERED_SECS)
    if (token := headers.get("X-Gitlab-Token")) is not None:
        if not hmac.compare_digest(token.encode("utf-8", "replace"), secret.encode()):
            raise _refused()
        uuid = headers.get("X-Gitlab-Event-UUID")
        return Proof(_digest("gitlab", uuid) if uuid else None, REMEMBERED_SECS)
    raise _refused()


def signature_of(secret: str, message: bytes) -> str:
    """What stands in the header: `sha256=<hex>`."""
    return "sha256=" + hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def _is_mac(shown: str, secret: str, message: bytes) -> bool:
    expected = signature_of(secret, message)
    return hmac.compare_digest(shown.strip().lower().encode("utf-8", "replace"), expected.encode())


def _is_now(timestamp: str, now: float) -> bool:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    return abs(int(timestamp) - now) <= WINDOW_SECS


def _digest(form: str, what: str) -> bytes:
    return hashlib.sha256(f"{form}\0{what.strip().lower()}".encode("utf-8", "replace")).digest()


def _refused() -> Unauthorized:
    return Unauthorized("the signature is missing or wrong")
