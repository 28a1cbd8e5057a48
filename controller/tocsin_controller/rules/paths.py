"""JSONPath (RFC 9535) on output that is one JSON document."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from jsonpath import JSONPathEnvironment
from jsonpath.exceptions import JSONPathError

#: Nodes that one path may select; what comes after them is not looked at.
MOST_NODES: Final = 1_000


class BadPath(ValueError):
    """The path can't be used; the message says why and where."""


def _environment() -> JSONPathEnvironment:
    """RFC 9535 and nothing else; without its two functions that search by regular expressions of another kind."""
    environment = JSONPathEnvironment(strict=True)
    for name in ("match", "search"):
        environment.function_extensions.pop(name, None)
    return environment


_ENVIRONMENT: Final = _environment()


class JsonPath:
    """A path ready for use."""

    __slots__ = ("_query",)

    def __init__(self, path: str) -> None:
        """Raises BadPath."""
        try:
            self._query = _ENVIRONMENT.compile(path)
        except (JSONPathError, RecursionError) as error:
            raise BadPath(_words(error, path)) from None

    def select(self, document: Any) -> list[Any]:
        """What it points at, in the order of the document. Raises BadPath when that can't be found out."""
        found: list[Any] = []
        try:
            nodes: Iterator[Any] = iter(self._query.finditer(document))
            for node in nodes:
                found.append(node.obj)
                if len(found) == MOST_NODES:
                    break
        except (JSONPathError, RecursionError, TypeError) as error:
            reason = (
                "the document is nested too deeply" if isinstance(error, RecursionError) else "it fails here"
            )
            raise BadPath(reason) from None
        return found


@lru_cache(maxsize=64)
def json_path(path: str) -> JsonPath:
    """The path, read once. Raises BadPath."""
    return JsonPath(path)


def _words(error: Exception, path: str) -> str:
    if isinstance(error, RecursionError):
        return "is nested too deeply"
    reason = str(error.args[0]) if error.args else "can't be read"
    index = getattr(getattr(error, "token", None), "index", -1)
    at = index if 0 <= index <= len(path) else len(path)
    return f"is not a JSONPath: {reason[:200]} at position {at}"
