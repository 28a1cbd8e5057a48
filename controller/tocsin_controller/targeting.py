"""Who may take what: every queue row has one route, every agent a set of routes it may take from.

    local                 on a controller
    agent:<id>            this agent only, whatever the task type
    any:<type>            any agent that runs this task type
    tag:<tag>:<type>      any agent with the tag that runs this task type
    fit:<type>:<expr>     any agent whose tags fit the expression that runs this task type

All but the last can be listed for an agent. Expressions can't: whoever comes across such a route asks whether it is
`in` the agent's routes. Pure: the same words decide in the queue's SQL, in the explanation a person reads, and here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from tocsin_controller.store.agents import AgentFacts
from tocsin_shared.jobs import JobDefinition
from tocsin_shared.tag_expressions import Has, canonical, matches, objections, parse
from tocsin_shared.targets import AgentTarget, AnyTarget, TaggedTarget, Target, is_fan_out

LOCAL = "local"
_FIT = "fit:"


def route_for(target: Target | None, task_type: str) -> str:
    """The route of an execution that a single agent will run (`all` gives each agent its own)."""
    if is_fan_out(target):
        raise ValueError("a run on every host has a route per agent")
    match target:
        case AgentTarget(agent_id=agent_id):
            return agent_route(agent_id)
        case AnyTarget():
            return f"any:{task_type}"
        case TaggedTarget():
            expression = target.parsed()
            if isinstance(expression, Has):
                return f"tag:{expression.tag}:{task_type}"
            return f"{_FIT}{task_type}:{canonical(expression)}"
        case _:
            return LOCAL


def route_again(job: JobDefinition, agent_id: UUID) -> str:
    """The route of another attempt, or of one taken back; in a run on every host each keeps its own."""
    if is_fan_out(job.target):
        return agent_route(agent_id)
    return route_for(job.target, job.task.type)


def agent_route(agent_id: UUID) -> str:
    """The route of work for one agent only."""
    return f"agent:{agent_id}"


def is_by_expression(route: str) -> bool:
    """Whether this is a route that no agent can list."""
    return route.startswith(_FIT)


@dataclass(frozen=True, slots=True)
class Routes:
    """The routes that an agent may take from. Equal for agents that may take the same, but for their own names."""

    listed: frozenset[str] = frozenset()
    #: What decides about expressions.
    tags: frozenset[str] = frozenset()
    task_types: frozenset[str] = frozenset()

    def __contains__(self, route: object) -> bool:
        if route in self.listed:
            return True
        return isinstance(route, str) and is_by_expression(route) and self.fits(route)

    def __iter__(self) -> Iterator[str]:
        return iter(self.listed)

    def __len__(self) -> int:
        return len(self.listed)

    def fits(self, route: str) -> bool:
        """Whether the agent may take from this route by expression."""
        return _fits(route, self.tags, self.task_types)


@lru_cache(maxsize=65_536)
def _fits(route: str, tags: frozenset[str], task_types: frozenset[str]) -> bool:
    """Remembered: a fleet has few different sets of tags, and each is asked for at every poll."""
    _, task_type, expression = route.split(":", 2)
    return task_type in task_types and matches(parse(expression), tags)


def routes_of(agent: AgentFacts) -> Routes:
    """Every route this agent may take from."""
    if agent.agent_type == "local":
        return Routes(frozenset({LOCAL}))
    routes = {agent_route(agent.id)}
    for task_type in agent.runs:
        routes.add(f"any:{task_type}")
        routes.update(f"tag:{tag}:{task_type}" for tag in agent.tags)
    return Routes(frozenset(routes), agent.tags, agent.runs)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an agent takes part in a run on every host, and if not, why (for people)."""

    eligible: bool
    why: str = ""


def takes_part(agent: AgentFacts, task_type: str, target: Target | None = None) -> Verdict | None:
    """For a run on every host: eligible, not reached, or None when the agent does not count at all."""
    if agent.agent_type == "local" or task_type not in agent.runs:
        return None
    if isinstance(target, TaggedTarget) and objections(target.parsed(), agent.tags):
        return None
    if agent.status == "online":
        return Verdict(True)
    return Verdict(False, agent.status)
