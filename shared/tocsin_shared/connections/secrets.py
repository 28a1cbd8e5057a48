"""What must not be seen of a connection: its secrets, and the passwords inside them."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote, unquote_plus, urlsplit

from tocsin_shared.connections.base import ConnectionConfig
from tocsin_shared.connections.configs import NatsConfig

#: Of one server of several, or of a URL that is none by the book.
_USERINFO: Final = re.compile(r"://(?P<user>[^:/?#@\s,]*)(?::(?P<password>[^@/\s]*))?@")
#: `password=...` in a query, or in a connection string of keywords.
_KEYWORD: Final = re.compile(
    r"(?i)\b\w*(?:password|passwd|pwd|secret|token)\s*=\s*(?:'(?P<quoted>(?:[^'\\]|\\.)*)'|(?P<plain>[^\s&;]+))"
)


def secrets_in(config: Mapping[str, Any], model: type[ConnectionConfig]) -> list[str]:
    """The values of secret fields, and what is secret inside of URLs, as written and decoded; each once."""
    found: dict[str, None] = {}
    for name in sorted(model.secret_fields):
        value = config.get(name)
        if isinstance(value, str) and value:
            found[value] = None
            found.update(dict.fromkeys(_inside(value, model)))
    return [secret for secret in found if secret]


def _inside(value: str, model: type[ConnectionConfig]) -> Iterator[str]:
    if "\n" in value:  # PEM
        return
    try:
        password = urlsplit(value).password
    except ValueError:
        password = None
    if password:
        yield from (password, unquote(password))
    for match in _USERINFO.finditer(value):
        # A server of NATS takes a token in the place of the user.
        part = (
            match["password"] if match["password"] is not None or model is not NatsConfig else match["user"]
        )
        if part:
            yield from (part, unquote(part))
    for match in _KEYWORD.finditer(value):
        if match["quoted"] is not None:
            yield re.sub(r"\\(.)", r"\1", match["quoted"])
        else:
            yield from (match["plain"], unquote_plus(match["plain"]))
