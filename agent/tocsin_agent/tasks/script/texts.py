"""What scripts do with text and time."""

import time
from datetime import UTC, datetime
from typing import Any, Final

from tocsin_agent.tasks.script.failing import ScriptEnded

#: Places that one search gives.
MOST_FOUND: Final = 100_000


def hex_encode(text: str) -> str:
    """The text's bytes in UTF-8."""
    return text.encode().hex()


def hex_decode(digits: str) -> str:
    """The text of these bytes; what is not UTF-8 is replaced."""
    return bytes_of_hex(digits).decode("utf-8", "replace")


def bytes_of_hex(digits: str) -> bytes:
    """White space between digits is allowed. Raises ScriptEnded."""
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise ScriptEnded(
            "this is not hexadecimal: two digits a byte, with nothing else between them"
        ) from None


def url_encode(text: str) -> str:
    """As a part of a URL: everything but letters, digits and `_.-~` in per cent signs."""
    from urllib.parse import quote

    return quote(text, safe="")


def regex_find(pattern: str, text: str) -> dict[str, Any] | None:
    """The first place that fits."""
    found = _compiled(pattern).search(text)
    return None if found is None else _shown(found)


def regex_find_all(pattern: str, text: str) -> list[dict[str, Any]]:
    """All places that fit. Raises ScriptEnded for too many."""
    places: list[dict[str, Any]] = []
    for found in _compiled(pattern).finditer(text):
        if len(places) == MOST_FOUND:
            raise ScriptEnded(f"the pattern fits more than {MOST_FOUND} places")
        places.append(_shown(found))
    return places


def regex_replace(pattern: str, replacement: str, text: str) -> str:
    r"""The text with every place that fits replaced; `\1` stands for the first group."""
    try:
        replaced: str = _compiled(pattern).sub(replacement, text)
    except Exception as error:  # noqa: BLE001  the driver raises its own kinds and plain ones
        raise ScriptEnded(f"this can't be put in for '{pattern[:100]}': {error}") from None
    return replaced


def now() -> float:
    """Seconds since 1970."""
    return time.time()


def sleep_ms(millis: float) -> None:
    """Wait."""
    time.sleep(max(millis, 0) / 1000)


def format_time(secs: float, layout: str = "%Y-%m-%dT%H:%M:%SZ") -> str:
    """An instant in UTC, by the letters of strftime."""
    try:
        return datetime.fromtimestamp(secs, UTC).strftime(layout)
    except (ValueError, OverflowError, OSError):
        raise ScriptEnded(f"{secs} is no instant") from None


def parse_time(text: str) -> float:
    """Seconds since 1970 of an instant in RFC 3339; without an offset it is in UTC."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise ScriptEnded(f"'{text[:100]}' is no instant such as 2026-03-01T08:00:00Z") from None
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp()


def _shown(found: Any) -> dict[str, Any]:
    return {"text": found.group(0), "groups": list(found.groups()), "named": found.groupdict()}


def _compiled(pattern: str) -> Any:
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        why = error.args[0].decode("utf-8", "replace") if isinstance(error.args[0], bytes) else error
        raise ScriptEnded(f"the pattern '{pattern[:100]}' can't be read: {why}") from None
