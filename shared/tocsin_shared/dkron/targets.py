"""Dkron's tags, as targets of ours. Pure.

Dkron's nodes have tags with values; ours have tags, where `role=web` stands for the value `web` of `role`. What is true
of every node of Dkron that nobody configured is true of every agent.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

_OF_ALL: Final = {("role", "dkron"), ("region", "global"), ("dc", "dc1")}
_NUMBER: Final = re.compile(r"[+-]?\d{1,9}", re.ASCII)
_TAG: Final = re.compile(r"\w[\w.:/=@\-]{0,63}")
#: No agent is meant.
NOBODY: Final[dict[str, Any]] = {
    "type": "tagged",
    "expression": "dkron=nobody and not dkron=nobody",
    "mode": "all",
}


def read_target(tags: Mapping[str, str] | None) -> dict[str, Any]:
    """Which hosts, and how many of them. Raises ValueError."""
    counts: list[int] = []
    wanted: list[str] = []
    is_server = False
    for key, value in (tags or {}).items():
        parts = value.split(":")
        if len(parts) == 2:
            counts.append(int(parts[1]) if _NUMBER.fullmatch(parts[1]) else 0)
        if (key, parts[0]) == ("server", "true"):
            is_server = True
        elif (key, parts[0]) not in _OF_ALL:
            wanted.append(_tag(key, parts[0]))
    most = min(counts, default=None)
    if most is not None and most <= 0:
        return NOBODY
    if is_server:
        return {"type": "local"}
    if most == 1:
        return {"type": "tagged", **_fitting(wanted)} if wanted else {"type": "any"}
    many = {} if most is None else {"count": most}
    return (
        {"type": "tagged", "mode": "all", **_fitting(wanted), **many} if wanted else {"type": "all", **many}
    )


def _fitting(wanted: list[str]) -> dict[str, str]:
    return {"tag": wanted[0]} if len(wanted) == 1 else {"expression": " and ".join(wanted)}


def _tag(key: str, value: str) -> str:
    tag = f"{key}={value}"
    if not _TAG.fullmatch(tag):
        raise ValueError(f"tags: {tag[:80]!r} can't be a tag: letters, digits and _.:/=@- only, at most 64")
    return tag
