"""Why an agent takes part in a job, or does not: the rules of `targeting`, in words for people. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from tocsin_controller.store.agents import AgentFacts
from tocsin_shared.eligibility import PASSING, Hindrance
from tocsin_shared.tag_expressions import objections
from tocsin_shared.targets import AgentTarget, LocalTarget, TaggedTarget, Target


@dataclass(frozen=True, slots=True)
class Candidate:
    """An agent and what it is doing."""

    facts: AgentFacts
    capacity: int
    #: Executions that it has.
    busy: int
    last_seen_at: datetime


class Finding(NamedTuple):
    """One thing that keeps an agent away, since when if that is known."""

    code: Hindrance
    message: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """One agent, seen from a target."""

    candidate: Candidate
    hindrances: tuple[Finding, ...]

    @property
    def matches(self) -> bool:
        """The target means this agent, though it may be away or busy."""
        return all(found.code in PASSING for found in self.hindrances)

    @property
    def is_ready(self) -> bool:
        """It could take the work now."""
        return not self.hindrances


def judge(candidate: Candidate, target: Target | None, task_type: str) -> Judgement:
    """Everything that keeps this agent from work for the target."""
    facts = candidate.facts
    found: list[Finding] = []
    wants_controller = target is None or isinstance(target, LocalTarget)
    if wants_controller != (facts.agent_type == "local"):
        why = "the target is a controller" if wants_controller else "it is a controller"
        return Judgement(candidate, (Finding(Hindrance.NOT_A_CONTROLLER, why),))
    if isinstance(target, AgentTarget) and target.agent_id != facts.id:
        found.append(Finding(Hindrance.NOT_NAMED, "the target names another agent"))
    if isinstance(target, TaggedTarget) and (wrong := objections(target.parsed(), facts.tags)):
        found.append(Finding(Hindrance.TAGS, ", ".join(wrong)))
    if not wants_controller and task_type not in facts.runs:
        able = ", ".join(sorted(facts.runs)) or "nothing"
        found.append(Finding(Hindrance.TASK_TYPE, f"does not run {task_type} tasks (it runs {able})"))
    found += _right_now(candidate)
    return Judgement(candidate, tuple(found))


def _right_now(candidate: Candidate) -> list[Finding]:
    if candidate.facts.status == "offline":
        return [Finding(Hindrance.OFFLINE, "is offline", candidate.last_seen_at)]
    found: list[Finding] = []
    if candidate.facts.status == "draining":
        found.append(Finding(Hindrance.DRAINING, "takes no more work: it is told to stop"))
    if candidate.busy >= candidate.capacity:
        taken = f"has all its slots taken ({candidate.busy} of {candidate.capacity})"
        found.append(Finding(Hindrance.BUSY, taken))
    return found
