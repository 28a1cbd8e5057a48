"""Targets of ours, as Dkron's tags; `tocsin_shared.dkron.targets` reads tags. Pure."""

from collections.abc import Mapping
from typing import Any


def write_tags(target: Mapping[str, Any] | None) -> dict[str, str] | None:
    """What can be said in tags of a target that was chosen elsewhere."""
    if target is None or target["type"] == "local":
        return {"server": "true"}
    if target["type"] == "all":
        return {"role": f"dkron:{target['count']}"} if target.get("count") else None
    if target["type"] == "agent":
        return {"agent": str(target["agent_id"])}
    if target["type"] == "any":
        return {"role": "dkron:1"}
    many = "" if target.get("mode") == "all" else ":1"
    if target.get("count"):
        many = f":{target['count']}"
    if target.get("tag"):
        key, _, value = str(target["tag"]).partition("=")
        return {key: value + many}
    return {"expression": str(target["expression"]) + many}
