"""Who may take what: every queue row has one route, every agent a set of routes it may take from.

    local                 on a controller
    agent:<id>            this agent only, whatever the task type
    any:<type>            any agent that runs this task type
    tag:<tag>:<type>      any agent with the tag that runs this task type

Pure: the same words decide in the queue's SQL, in the explanation a person reads, and here.
"""

from dataclasses import dataclass
from uuid import UUID

from tocsin_controller.store.agents import AgentFacts
from tocsin_shared.jobs import JobDefinition
from tocsin_shared.targets import AgentTarget, AllTarget, AnyTarget, LocalTarget, TaggedTarget, Target

LOCAL = "local"


def route_for(target: Target | None, task_type: str) -> str:
    """The route of an execution that a single agent will run (`all` gives each agent its own)."""
    match target:
        case None | LocalTarget():
            return LOCAL
        case AgentTarget(agent_id=agent_id):
            return agent_route(agent_id)
        case AnyTarget():
            return f"any:{task_type}"
        case TaggedTarget(tag=tag):
            return f"tag:{tag}:{task_type}"
        case AllTarget():
            raise ValueError("an `all` run has a route per agent")


def route_again(job: JobDefinition, agent_id: UUID) -> str:
    """The route of another attempt, or of one taken back; in an `all` run each host keeps its own."""
    if isinstance(job.target, AllTarget):
        return agent_route(agent_id)
    return route_for(job.target, job.task.type)


def agent_route(agent_id: UUID) -> str:
    """The route of work for one agent only."""
    return f"agent:{agent_id}"


def routes_of(agent: AgentFacts) -> frozenset[str]:
    """Every route this agent may take from."""
    if agent.agent_type == "local":
        return frozenset({LOCAL})
    routes = {agent_route(agent.id)}
    for task_type in agent.runs:
        routes.add(f"any:{task_type}")
        routes.update(f"tag:{tag}:{task_type}" for tag in agent.tags)
    return frozenset(routes)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an agent takes part in an `all` run, and if not, why (for people)."""

    eligible: bool
    why: str = ""


def takes_part(agent: AgentFacts, task_type: str) -> Verdict | None:
    """For an `all` run: eligible, not reached, or None when the agent does not count at all (wrong type)."""
    if agent.agent_type == "local" or task_type not in agent.runs:
        return None
    if agent.status == "online":
        return Verdict(True)
    return Verdict(False, agent.status)
