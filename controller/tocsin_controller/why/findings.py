"""What a finding is, and words that several of them share. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from tocsin_controller.eligibility import Judgement
from tocsin_shared.executions import RunStatus
from tocsin_shared.why import About

#: Names in one sentence.
MOST_NAMES = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that explains something."""

    about: About
    code: str
    message: str
    since: datetime | None = None
    until: datetime | None = None
    refs: dict[str, UUID] = field(default_factory=dict)


def names(all_of_them: Iterable[str | None]) -> str:
    """`a, b, c and 4 more`."""
    known = list(dict.fromkeys(name or "a removed agent" for name in all_of_them))
    more = f" and {len(known) - MOST_NAMES} more" if len(known) > MOST_NAMES else ""
    return ", ".join(known[:MOST_NAMES]) + more


def count(number: int, word: str) -> str:
    """`1 host`, `3 hosts`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def run_words(status: RunStatus) -> str:
    """`succeeded`, `timed out`, `was cancelled`, `is running`."""
    words = {
        RunStatus.PENDING: "has not begun",
        RunStatus.RUNNING: "is running",
        RunStatus.TIMED_OUT: "timed out",
        RunStatus.CANCELLED: "was cancelled",
        RunStatus.LOST: "was lost",
        RunStatus.SKIPPED: "was skipped",
    }
    return words.get(status, status.value)


def plainly(moment: datetime) -> str:
    """`2026-01-31 08:30:00 UTC`."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def fleet_findings(fleet: Sequence[Judgement], about: About, *, everywhere: bool) -> list[Finding]:
    """Who could take the work, if nobody can right now."""
    meant = [one for one in fleet if one.matches]
    if not meant:
        hints = [f"{one.candidate.facts.name} {one.hindrances[0].message}" for one in fleet[:MOST_NAMES]]
        why = f": {'; '.join(hints)}" if hints else ": there are none"
        return [Finding(about, "no_agent", f"no agent matches the target{why}")]
    ready = [one for one in meant if one.is_ready]
    if ready and not everywhere:
        return []
    found: list[Finding] = []
    for one in (one for one in meant if not one.is_ready) if everywhere or not ready else ():
        first = one.hindrances[0]
        message = f"agent {one.candidate.facts.name} {first.message}"
        refs = {"agent_id": one.candidate.facts.id}
        found.append(Finding(about, first.code.value, message, since=first.since, refs=refs))
    return _shortened(found, about)


def _shortened(found: list[Finding], about: About) -> list[Finding]:
    if len(found) <= MOST_NAMES:
        return found
    more = Finding(about, "agents", f"and {len(found) - MOST_NAMES} more agents can't take work now")
    return [*found[:MOST_NAMES], more]
