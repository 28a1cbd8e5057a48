"""Lengths of time as people read and type them."""

import re

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_TYPED = re.compile(r"(\d+)([smhd])")


def parse_duration(text: str) -> int:
    """Seconds of `90`, `90s`, `5m`, `1h30m` or `2d`. Raises ValueError."""
    text = text.strip().lower()
    if text.isascii() and text.isdigit():
        return int(text)
    if not text or _TYPED.sub("", text):
        raise ValueError(f"{text!r} is no duration: use seconds, or a form such as 90s, 5m, 1h30m, 2d")
    return sum(int(number) * _UNITS[unit] for number, unit in _TYPED.findall(text))


def format_duration(seconds: float) -> str:
    """At most two units, rounded down: `0.31s`, `4.2s`, `59s`, `2m 05s`, `3h 20m`, `4d 7h`."""
    seconds = max(seconds, 0.0)
    if seconds < 1:
        return f"{int(seconds * 100) / 100:.2f}s"
    if seconds < 10:
        return f"{int(seconds * 10) / 10:.1f}s"
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    if whole < 86_400:
        return f"{whole // 3600}h {whole % 3600 // 60:02d}m"
    return f"{whole // 86_400}d {whole % 86_400 // 3600}h"


def format_age(seconds: float) -> str:
    """How far from now, in one unit: `just now`, `12s ago`, `in 5m`, `3d ago`. Negative means to come."""
    distance = abs(seconds)
    if distance < 1:
        return "just now"
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        # 90 minutes read better than 1 hour: a unit starts at twice its size, but seconds give way at 60+.
        if distance >= (2 * size if unit in ("d", "h") else size):
            break
    amount = f"{int(distance // size)}{unit}"
    return f"in {amount}" if seconds < 0 else f"{amount} ago"


def format_bytes(count: float) -> str:
    """Binary units, two to three digits: `512 B`, `1.5 KiB`, `230 MiB`."""
    units = ["B", "KiB", "MiB", "GiB", "TiB"]
    while count >= 1024 and len(units) > 1:
        count /= 1024
        units.pop(0)
    return f"{count:.0f} {units[0]}" if units[0] == "B" or count >= 100 else f"{count:.1f} {units[0]}"
