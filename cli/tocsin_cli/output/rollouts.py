"""How far a rollout is, in words."""

from typing import Any

from tocsin_cli.output.times import time_and_age

Json = dict[str, Any]


def rollout_words(rollout: Json) -> str:
    """`batch 2 of 5 (1, 4, 4, 4, 2 hosts, canaries first)` and what it waits for, a line each."""
    sizes: list[int] = rollout["sizes"]
    words = ", ".join(map(str, sizes[:12])) + (", ..." if len(sizes) > 12 else "")
    lines = []
    if sizes:
        first = ", canaries first" if rollout["has_canary"] else ""
        lines.append(f"batch {min(rollout['released'], len(sizes))} of {len(sizes)} ({words} hosts{first})")
    if rollout["quorum"] is not None:
        lines.append(f"succeeds with {rollout['quorum']} hosts")
    if rollout["stopped"]:
        lines.append(f"stopped: {rollout['stopped']}")
    if rollout["next_at"]:
        lines.append(f"next batch {time_and_age(rollout['next_at'])}")
    if rollout["late"]:
        until = f" until {time_and_age(rollout['waits_until'])}" if rollout["waits_until"] else ""
        lines.append(f"{rollout['late']} hosts were offline and waited for{until}")
    return "\n".join(lines)
