"""What a run says about why it exists: its trigger, and the chain of runs that led to it. Pure.

A trigger is a JSON object on the run: `type`, then who or what asked. A run that another run brought about also has
`cause`, one link per earlier run, newest last, and `depth`, the number of all links: old ones are forgotten, so that a
long chain costs no more than a short one, but it is still known to be long. Loop guards look at both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

#: Links that are kept; of a longer chain the newest.
MOST_LINKS: Final = 32


@dataclass(frozen=True, slots=True)
class Parent:
    """The run that brings another about."""

    job_id: UUID
    run_id: UUID
    #: As stored on it.
    trigger: Mapping[str, Any]


def trigger_of(kind: str, parent: Parent | None = None, **who: Any) -> dict[str, Any]:
    """The trigger of a new run: how it came about, who or what asked, and after which run.

    >>> trigger_of("cli", by="ann")
    {'type': 'cli', 'by': 'ann'}
    """
    trigger: dict[str, Any] = {"type": kind}
    trigger |= {key: str(value) if isinstance(value, UUID) else value for key, value in who.items()}
    if parent is not None:
        trigger["cause"] = cause_after(parent)
        trigger["depth"] = depth(parent.trigger) + 1
    return trigger


def cause_after(parent: Parent) -> list[dict[str, Any]]:
    """The chain that a run brought about by this one has."""
    link = {
        "type": str(parent.trigger.get("type", "api")),
        "job_id": str(parent.job_id),
        "run_id": str(parent.run_id),
    }
    return [*links(parent.trigger), link][-MOST_LINKS:]


def links(trigger: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The runs that led to a run with this trigger, newest last."""
    return list(trigger.get("cause") or ())


def depth(trigger: Mapping[str, Any]) -> int:
    """How many runs led to a run with this trigger, forgotten ones included."""
    return int(trigger.get("depth") or len(links(trigger)))


def times_in_chain(trigger: Mapping[str, Any], job_id: UUID) -> int:
    """How often this job is among the links: more than never means that the chain came back to it."""
    return sum(link.get("job_id") == str(job_id) for link in links(trigger))
