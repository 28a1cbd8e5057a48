"""Instants as Dkron reads them. Pure."""

import re
from datetime import UTC, datetime
from typing import Final

#: What Dkron writes where an instant is not known.
ZERO: Final = "0001-01-01T00:00:00Z"

_RFC3339: Final = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII
)
_FORM: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d", re.ASCII)


def parse_instant(text: str) -> datetime:
    """RFC 3339, to the microsecond. Raises ValueError."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(f'parsing time "{text[:60]}": it is not RFC 3339')
    fraction = f".{match[2][:6]:0<6}" if match[2] else ""
    return datetime.fromisoformat(f"{match[1]}{fraction}{match[3].replace('Z', '+00:00')}")


def parse_form_instant(text: str) -> datetime:
    """The same, or what a date field of a form sends (`2026-01-31T08:30`, in UTC). Raises ValueError."""
    if _FORM.fullmatch(text):
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    return parse_instant(text)
