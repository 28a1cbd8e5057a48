"""Durations as Go writes them: `1h30m`, `500ms`, `1.5s`."""

import re
from typing import Final

_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART: Final = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_MOST_CHARS: Final = 64


def parse_duration(text: str) -> float:
    """Seconds; negative ones too, as Go has them. Raises ValueError."""
    rest = text.strip()
    if not rest or len(rest) > _MOST_CHARS:
        raise ValueError("must be a duration such as 30s, 5m or 1h30m")
    sign = -1.0 if rest[0] == "-" else 1.0
    rest = rest.removeprefix("-") if sign < 0 else rest.removeprefix("+")
    if rest == "0":
        return 0.0
    secs, position = 0.0, 0
    while position < len(rest):
        part = _PART.match(rest, position)
        if part is None:
            raise ValueError(f"'{text[:40]}' is no duration such as 30s, 5m or 1h30m")
        secs += float(part[1]) * _UNITS[part[2]]
        position = part.end()
    if position == 0:
        raise ValueError(f"'{text[:40]}' is no duration such as 30s, 5m or 1h30m")
    return sign * secs


def write_duration(secs: float) -> str:
    """The shortest form: `90s` is `1m30s`."""
    if secs < 1 and secs > 0:
        return f"{secs * 1000:g}ms"
    whole = int(secs)
    hours, minutes, seconds = whole // 3600, whole % 3600 // 60, secs - whole // 60 * 60
    parts = (
        f"{hours}h" if hours else "",
        f"{minutes}m" if minutes else "",
        f"{seconds:g}s" if seconds else "",
    )
    return "".join(parts) or "0s"
