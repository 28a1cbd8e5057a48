"""The executions of a run on every host, or on some drawn from them, with or without batches."""

import random
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from tocsin_controller.store.agents import AgentFacts
from tocsin_controller.store.launching import PlannedExecution
from tocsin_controller.store.rollouts import PlannedRollout, PlannedWait
from tocsin_controller.targeting import agent_route, takes_part
from tocsin_controller.workflow.rollouts.planning import (
    RolloutState,
    batch_numbers,
    late_words,
    plan,
    waiting_words,
)
from tocsin_shared.executions import Reason
from tocsin_shared.ids import new_id
from tocsin_shared.jobs import JobDefinition
from tocsin_shared.rollouts import Rollout
from tocsin_shared.targets import AllTarget, TaggedTarget


class FanOut(NamedTuple):
    """Who takes part, how, and who does not."""

    executions: tuple[PlannedExecution, ...]
    not_reached: tuple[dict[str, str], ...]
    rollout: PlannedRollout | None


def fan_out(job: JobDefinition, agents: Sequence[AgentFacts]) -> FanOut:
    """What the agents given make of the job, in their order."""
    there: list[AgentFacts] = []
    away: list[tuple[AgentFacts, str]] = []
    for agent in agents:
        verdict = takes_part(agent, job.task.type, job.target)
        if verdict is not None and verdict.eligible:
            there.append(agent)
        elif verdict is not None:
            away.append((agent, verdict.why))
    there, away = _drawn(job, there, away)
    waited_for = away if job.rollout and job.rollout.wait_offline_secs else []
    not_reached = tuple(not_reached_entry(a.id, a.name, why) for a, why in away if not waited_for)
    executions = tuple(
        PlannedExecution(new_id(), agent_route(agent.id), agent.id)
        for agent in (*there, *(agent for agent, _ in waited_for))
    )
    return FanOut(executions, not_reached, _rollout(job, executions, len(there), len(away)))


def _drawn(
    job: JobDefinition, there: list[AgentFacts], away: list[tuple[AgentFacts, str]]
) -> tuple[list[AgentFacts], list[tuple[AgentFacts, str]]]:
    """Of a target that means so many hosts: that many of those that are there, then of those that are not."""
    count = job.target.count if isinstance(job.target, AllTarget | TaggedTarget) else None
    if count is None:
        return there, away
    places = sorted(random.sample(range(len(there)), min(count, len(there))))
    drawn = [there[place] for place in places]
    return drawn, away[: count - len(drawn)]


def not_reached_entry(agent_id: UUID, name: str, why: str) -> dict[str, str]:
    """A host that a run did not reach, as it is kept with the run."""
    return {"agent_id": str(agent_id), "name": name, "why": why}


def _rollout(
    job: JobDefinition, executions: Sequence[PlannedExecution], there: int, away: int
) -> PlannedRollout | None:
    """The hosts that are there come first among the executions."""
    rollout = job.rollout
    if rollout is None or not executions:
        return None
    state = plan(rollout, reachable=there, away=away)
    batches = [*batch_numbers(state), *[state.late_batch] * state.late]
    waits = [
        _wait(rollout, state, execution.id, batch, execution.agent_id)
        for execution, batch in zip(executions, batches, strict=True)
        if execution.agent_id is not None and (batch > state.released or batch == state.late_batch)
    ]
    wait_secs = rollout.wait_offline_secs
    return PlannedRollout(state.as_json(), float(wait_secs) if wait_secs else None, tuple(waits))


def _wait(
    rollout: Rollout, state: RolloutState, execution_id: UUID, batch: int, agent_id: UUID
) -> PlannedWait:
    is_late = batch == state.late_batch
    return PlannedWait(
        execution_id,
        batch,
        agent_id,
        is_held=batch > state.released,
        reason=Reason.HOST_OFFLINE if is_late else Reason.ROLLOUT_WAITS,
        message=late_words(rollout) if is_late else waiting_words(state, batch),
    )
