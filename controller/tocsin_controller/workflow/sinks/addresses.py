"""How operators name the sinks that are servers."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

_SYSLOG_PORT: Final = 514
_FLUENT_PORT: Final = 24_224


@dataclass(frozen=True, slots=True)
class SyslogAddress:
    """A socket's path, or host and port."""

    path: str | None = None
    host: str = ""
    port: int = _SYSLOG_PORT

    @staticmethod
    def parse(text: str) -> "SyslogAddress":
        """`/dev/log` or `udp://host:514`. Raises ValueError."""
        if text.startswith("/"):
            return SyslogAddress(path=text)
        parts = urlsplit(text)
        if parts.scheme != "udp" or not parts.hostname or parts.path or parts.username or parts.query:
            raise ValueError("must be a socket's path such as /dev/log, or udp://host:514")
        return SyslogAddress(host=parts.hostname, port=parts.port or _SYSLOG_PORT)


@dataclass(frozen=True, slots=True)
class FluentAddress:
    """Where it listens, and the tag that events get."""

    host: str
    port: int
    tag: str

    @staticmethod
    def parse(text: str) -> "FluentAddress":
        """`tcp://host:24224/tag`. Raises ValueError."""
        parts = urlsplit(text)
        tag = parts.path.removeprefix("/") or "tocsin"
        if parts.scheme != "tcp" or not parts.hostname or parts.username or parts.query or "/" in tag:
            raise ValueError("must be tcp://host:24224/tag")
        return FluentAddress(parts.hostname, parts.port or _FLUENT_PORT, tag)
