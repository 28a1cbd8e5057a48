"""Which agents a target means right now, and why not the others."""

from typing import Any, Final

from tocsin_controller.eligibility import Candidate, Judgement, judge
from tocsin_controller.store.agents import AgentFacts
from tocsin_controller.store.database import Queries
from tocsin_controller.store.roster import candidates
from tocsin_shared.eligibility import Hindrance
from tocsin_shared.targets import Target, is_fan_out

#: Agents in one answer.
MOST_AGENTS: Final = 5_000


async def judge_fleet(db: Queries, target: Target | None, task_type: str) -> list[Judgement]:
    """Every agent, those that match first. Controllers are told of only where they are meant."""
    judged = [judge(_candidate(row), target, task_type) for row in await candidates(db)]
    told = [one for one in judged if all(f.code is not Hindrance.NOT_A_CONTROLLER for f in one.hindrances)]
    return sorted(told, key=lambda one: (not one.matches, one.candidate.facts.name))


async def explain_target(db: Queries, target: Target | None, task_type: str) -> dict[str, Any]:
    """What a target means right now, as people get it."""
    judged = await judge_fleet(db, target, task_type)
    return {
        "target": target.model_dump(mode="json") if target else None,
        "task_type": task_type,
        "is_fan_out": is_fan_out(target),
        "matching": sum(one.matches for one in judged),
        "ready": sum(one.is_ready for one in judged),
        "agents": [show_judgement(one) for one in judged[:MOST_AGENTS]],
        "left_out": max(len(judged) - MOST_AGENTS, 0),
    }


def show_judgement(one: Judgement) -> dict[str, Any]:
    """One agent."""
    facts = one.candidate.facts
    return {
        "agent_id": facts.id,
        "name": facts.name,
        "status": facts.status,
        "tags": sorted(facts.tags),
        "matches": one.matches,
        "is_ready": one.is_ready,
        "hindrances": [found._asdict() for found in one.hindrances],
    }


def _candidate(row: Any) -> Candidate:
    facts = AgentFacts(
        row["id"],
        row["name"],
        row["agent_type"],
        row["status"],
        frozenset(row["tags"]),
        frozenset(row["task_types"]),
    )
    return Candidate(facts, row["capacity"], row["busy"], row["last_seen_at"])
