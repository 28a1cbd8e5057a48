"""Addresses of web servers, as people give them. What is refused is never shown: it may hold a token."""

from urllib.parse import urlsplit


def is_web_address(value: str) -> str:
    """An http:// or https:// URL with a host. Raises ValueError."""
    try:
        parts = urlsplit(value)
        has_host, _ = bool(parts.hostname), parts.port  # which raises ValueError for what is no port
    except ValueError:
        has_host = False
    if not has_host or parts.scheme not in ("http", "https") or any(c.isspace() for c in value):
        raise ValueError("must be an http:// or https:// URL")
    return value


def is_open_web_address(value: str) -> str:
    """The same without a name and a password, for what is shown to everybody. Raises ValueError."""
    parts = urlsplit(is_web_address(value))
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a name or a password")
    return value
