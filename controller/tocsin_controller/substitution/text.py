"""Values in JSON, URLs, headers and other text: each stays one value of the place where it stands."""

import json
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape

from tocsin_controller.substitution.references import REFERENCE, AnyValue, CannotPlace, ValueOf, as_text, fill

_JSON_LITERAL: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null")
_HOST: Final = r"(?:[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
_HOST_ONLY: Final = re.compile(_HOST)
_BASE_URL: Final = re.compile(rf"https?://{_HOST}(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?", re.IGNORECASE)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def fill_plain(template: str, value_of: ValueOf) -> str:
    """Values as they are: for places where all text is data."""
    return fill(template, value_of, _no_nul)


def fill_header(template: str, value_of: ValueOf) -> str:
    """The value of a header, which stays one line."""

    def encoded(name: str, value: str) -> str:
        if _CONTROL.search(value):
            raise CannotPlace(name, "holds a line break or another control character, which no header can")
        return value

    return fill(template, value_of, encoded)


def fill_json(template: str, value_of: ValueOf) -> str:
    """A JSON text. Inside a string values are escaped; elsewhere they are a number, true, false, null or a string."""
    out: list[str] = []
    at, is_in_string = 0, False
    for found in REFERENCE.finditer(template):
        piece, name = template[at : found.start()], found["name"]
        at = found.end()
        out.append(piece)
        is_in_string, is_escaping = _json_state(piece, is_in_string)
        if found["literal"]:
            out.append(as_text(name))
            continue
        if is_escaping:
            raise CannotPlace(name, "stands behind a backslash in a JSON string")
        value = _no_nul(name, value_of(name))
        if is_in_string:
            out.append(json.dumps(value, ensure_ascii=False)[1:-1])
        else:
            out.append(value if _JSON_LITERAL.fullmatch(value) else json.dumps(value, ensure_ascii=False))
    out.append(template[at:])
    return "".join(out)


def fill_url(template: str, value_of: ValueOf) -> str:
    """A URL. A value at its very beginning is a base URL, one in the place of a host is a host; others are encoded."""
    out: list[str] = []
    at = 0
    for found in REFERENCE.finditer(template):
        out.append(template[at : found.start()])
        at = found.end()
        name = found["name"]
        if found["literal"]:
            out.append(quote(as_text(name)))
            continue
        value = _no_nul(name, value_of(name))
        before, rest = "".join(out), template[at:]
        if not before:
            if isinstance(value, AnyValue):
                value = "http://0"
            elif not _BASE_URL.fullmatch(value):
                raise CannotPlace(
                    name, "stands at the beginning of a URL and is no URL of a host and a path alone"
                )
            out.append(value.rstrip("/") if rest.startswith("/") else value)
        elif _is_in_authority(before):
            out.append(_in_authority(name, value, rest))
        else:
            out.append(quote(value, safe=""))
    out.append(template[at:])
    url = "".join(out)
    if _dot_segments(url) != _dot_segments(REFERENCE.sub("x", template)):
        raise CannotPlace(_names(template), "would be `.` or `..` in the path of a URL")
    return url


def fill_body(template: str, value_of: ValueOf, headers: Mapping[str, str]) -> str:
    """The body of a request, as its Content-Type says; without one, what looks like JSON is JSON."""
    kinds = [value for name, value in headers.items() if name.lower() == "content-type"]
    kind = kinds[-1].partition(";")[0].strip().lower() if kinds and "{{" not in kinds[-1] else ""
    if kind.endswith(("/json", "+json")) or (not kind and _looks_like_json(template)):
        return fill_json(template, value_of)
    if kind == "application/x-www-form-urlencoded":
        return fill(template, value_of, lambda name, value: quote(_no_nul(name, value), safe=""))
    if kind.endswith(("/xml", "+xml", "/html")):
        entities = {'"': "&quot;", "'": "&apos;"}
        return fill(template, value_of, lambda name, value: escape(_no_nul(name, value), entities))
    if kind.startswith("multipart/"):
        return fill(template, value_of, _one_line)
    return fill_plain(template, value_of)


def _json_state(piece: str, is_in_string: bool) -> tuple[bool, bool]:
    """Whether the next character stands inside a string, and whether it is escaped."""
    is_escaping = False
    for c in piece:
        if is_escaping:
            is_escaping = False
        elif c == '"':
            is_in_string = not is_in_string
        elif c == "\\" and is_in_string:
            is_escaping = True
    return is_in_string, is_escaping


def _looks_like_json(template: str) -> bool:
    start = template.lstrip()
    return start.startswith(("{", "[")) and REFERENCE.match(start) is None


def _is_in_authority(before: str) -> bool:
    _, scheme, rest = before.partition("://")
    return not scheme or not re.search(r"[/?#\\]", rest)


def _in_authority(name: str, value: str, rest: str) -> str:
    authority = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
    if "@" in authority:
        return quote(value, safe="")
    if not _HOST_ONLY.fullmatch(value):
        raise CannotPlace(name, "stands where a URL has its host and is no host")
    return value


def _dot_segments(url: str) -> int:
    path = re.split(r"[?#]", url.partition("://")[2], maxsplit=1)[0]
    return sum(unquote(segment) in (".", "..") for segment in path.split("/")[1:])


def _names(template: str) -> str:
    return next(found["name"] for found in REFERENCE.finditer(template) if not found["literal"])


def _no_nul(name: str, value: str) -> str:
    if "\x00" in value:
        raise CannotPlace(name, "holds a NUL character")
    return value


def _one_line(name: str, value: str) -> str:
    if "\n" in value or "\r" in value:
        raise CannotPlace(name, "holds a line break, which could end its part of the body")
    return _no_nul(name, value)
