"""Values in connection strings: URLs, PostgreSQL's `name=value` words, and paths."""

import re
from typing import Final

from tocsin_controller.substitution.references import (
    REFERENCE,
    CannotPlace,
    ValueOf,
    as_text,
)
from tocsin_controller.substitution.text import fill_plain, fill_url
from tocsin_shared.sql import Dialect

_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def fill_connection_string(template: str, value_of: ValueOf, driver: Dialect) -> str:
    """Where the database is, with values. One that is nothing but a reference is all that the value says."""
    alone = REFERENCE.fullmatch(template)
    if alone is not None and not alone["literal"]:
        return fill_plain(template, value_of)
    if _URL.match(template):
        return fill_url(template, value_of)
    if driver == "sqlite":
        return fill_plain(template, value_of)
    if REFERENCE.match(template):
        raise CannotPlace(
            _first(template), "stands at the beginning of a connection string, of which it has to be all then"
        )
    return _fill_words(template, value_of) if driver == "postgres" else fill_plain(template, value_of)


def _fill_words(template: str, value_of: ValueOf) -> str:
    """`host=... password={{PASSWORD}}`."""

    def encoded(name: str, value: str) -> str:
        if "\x00" in value:
            raise CannotPlace(name, "holds a NUL character")
        return value.replace("\\", "\\\\").replace("'", "\\'")

    out = ""
    at = 0
    for found in REFERENCE.finditer(template):
        out += template[at : found.start()]
        at = found.end()
        name = found["name"]
        if found["literal"]:
            out += as_text(name)
        elif _in_quotes(out):
            out += encoded(name, value_of(name))
        elif re.search(r"=[ \t]*\Z", out) and re.match(r"\s|\Z", template[at:]):
            out += f"'{encoded(name, value_of(name))}'"
        else:
            raise CannotPlace(name, "is a part of a word of a connection string; put '...' around all of it")
    return out + template[at:]


def _in_quotes(text: str) -> bool:
    """Whether what comes next stands between single quotes."""
    is_quoted, at = False, 0
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == "'":
            is_quoted = not is_quoted
        at += 1
    return is_quoted


def _first(template: str) -> str:
    return next(found["name"] for found in REFERENCE.finditer(template) if not found["literal"])
