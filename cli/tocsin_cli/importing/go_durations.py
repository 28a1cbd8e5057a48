"""Durations as Go writes them: `1h30m`, `1.5s`, `500ms`."""

import re
from typing import Final

_UNITS: Final = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3_600.0,
}
_PART: Final = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")


def to_secs(text: str) -> float:
    """Raises ValueError."""
    unsigned = text.strip().lstrip("+-")
    if unsigned == "0":
        return 0.0
    parts = list(_PART.finditer(unsigned))
    if not parts or "".join(part[0] for part in parts) != unsigned:
        raise ValueError(f"'{text}' is no duration such as 1h30m")
    secs = sum(float(part[1]) * _UNITS[part[2]] for part in parts)
    return -secs if text.strip().startswith("-") else secs
