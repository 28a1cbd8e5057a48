"""How the values of a database are written: exactly, whatever the driver makes of them."""

import base64
import json
import math
import re
from collections.abc import Iterable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Final

_DAY_AND_TIME: Final = re.compile(r"(\S+) (\d\d:\S+)")
_SHORT_OFFSET: Final = re.compile(r"[+-]\d\d\Z")
_TO_ONE_LINE: Final = str.maketrans({"\n": "\\n", "\r": "\\r", "\t": "\\t", "\x1b": "\\x1b", "\x00": "\\0"})


class JsonText(str):
    """A value that is JSON already."""

    __slots__ = ()


class TimeText(str):
    """An instant as the server prints it."""

    __slots__ = ()


def as_json(value: object) -> str:
    """One value as JSON on one line. Decimals keep all their digits; bytes are base64; NaN and infinity are text."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return repr(value) if math.isfinite(value) else f'"{_not_finite(value)}"'
        case Decimal():
            return format(value, "f") if value.is_finite() else f'"{_not_finite(float(value))}"'
        case JsonText():
            # Between the pieces of JSON a line break is as good as a space, and in its texts there are none.
            return value.replace("\r", " ").replace("\n", " ")
        case TimeText():
            return _string(_iso(value))
        case str():
            return _string(value)
        case bytes() | bytearray() | memoryview():
            return f'"{base64.b64encode(value).decode()}"'
        case list() | tuple() if not hasattr(value, "items"):
            return f"[{', '.join(map(as_json, value))}]"
        case _ if hasattr(value, "items"):
            return as_object(value.items())
        case _:
            return _string(as_text(value))


def as_object(items: Iterable[tuple[str, object]]) -> str:
    """Names and values as an object of JSON."""
    return "{" + ", ".join(f"{_string(name)}: {as_json(value)}" for name, value in items) + "}"


def as_text(value: object) -> str:
    """One value as psql shows it, on one line; NULL for what is not there."""
    match value:
        case None:
            return "NULL"
        case bool():
            return "t" if value else "f"
        case float() if not math.isfinite(value):
            return _not_finite(value)
        case Decimal():
            return format(value, "f") if value.is_finite() else _not_finite(float(value))
        case str():
            return value.translate(_TO_ONE_LINE)
        case bytes() | bytearray() | memoryview():
            return "\\x" + bytes(value).hex()
        case datetime() | date() | time():
            return value.isoformat()
        case list():
            return "{" + ",".join(map(_element, value)) + "}"
        case tuple():
            return _row(value)
        case _ if hasattr(value, "items"):
            return _row([one for _, one in value.items()])
        case _ if hasattr(value, "lower_inc"):
            return _range(value)
        case _:
            return str(value).translate(_TO_ONE_LINE)


def is_number(value: object) -> bool:
    """Whether a column of such values lines up on the right."""
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _not_finite(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _iso(text: str) -> str:
    """`2024-01-02 03:04:05+00` with a T, and all of its offset."""
    found = _DAY_AND_TIME.match(text)
    if found is None:
        return text
    moment = f"{found[1]}T{found[2]}"
    return moment + (":00" if _SHORT_OFFSET.search(moment) else "") + text[found.end() :]


def _element(value: object) -> str:
    """Inside an array or a row, quoted where it has to be."""
    text = as_text(value)
    if value is None or (text and not re.search(r'[{}(),"\\\s]', text) and text.upper() != "NULL"):
        return text
    if isinstance(value, list):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _row(values: Iterable[object]) -> str:
    return "(" + ",".join("" if one is None else _element(one) for one in values) + ")"


def _range(value: object) -> str:
    if getattr(value, "isempty", False):
        return "empty"
    lower, upper = getattr(value, "lower", None), getattr(value, "upper", None)
    opening = "[" if getattr(value, "lower_inc", False) else "("
    closing = "]" if getattr(value, "upper_inc", False) else ")"
    ends = ["" if one is None else _element(one) for one in (lower, upper)]
    return f"{opening}{ends[0]},{ends[1]}{closing}"
