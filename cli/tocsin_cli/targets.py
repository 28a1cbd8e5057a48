"""Targets as people type them: `any`, `all`, `local`, `tag:web`, `tag:linux and not db`, `all:web`, `agent:db-1`."""

import re
from typing import Any, Final

#: What `--target` accepts, for help texts and error messages.
FORMS: Final = "any, all, local, tag:NAME, tag:EXPRESSION, all:EXPRESSION or agent:NAME"

_TAG: Final = re.compile(r"\w[\w.:/=@\-]*")


def parse_target(text: str) -> dict[str, Any]:
    """The target that `text` means, in the API's form. Raises ValueError.

    An agent's name can only be resolved by asking the API, so `agent:db-1` gives {"type": "agent",
    "agent": "db-1"} and the caller replaces `agent` by `agent_id`.
    """
    kind, colon, rest = text.strip().partition(":")
    rest = rest.strip()
    match kind, bool(colon):
        case (("any" | "all" | "local"), False):
            return {"type": kind}
        case (("tag" | "tagged"), True) if rest:
            return tagged(rest)
        case "all", True if rest:
            return {**tagged(rest), "mode": "all"}
        case "agent", True if rest:
            return {"type": "agent", "agent": rest}
    raise ValueError(f"{text!r} is no target: use {FORMS}")


def tagged(text: str) -> dict[str, Any]:
    """The target of a tag, or of an expression such as `linux and not db`."""
    return {"type": "tagged", "tag" if _TAG.fullmatch(text) else "expression": text}


def describe_target(target: dict[str, Any] | None, agent_names: dict[str, str] | None = None) -> str:
    """The same in the other direction; agents by id when the name is not known."""
    if target is None:
        return "local"
    if target["type"] == "tagged":
        which = target.get("tag") or target.get("expression")
        return f"{'all' if target.get('mode') == 'all' else 'tag'}:{which}"
    if target["type"] == "agent":
        agent_id = str(target["agent_id"])
        return f"agent:{(agent_names or {}).get(agent_id, agent_id)}"
    return str(target["type"])
