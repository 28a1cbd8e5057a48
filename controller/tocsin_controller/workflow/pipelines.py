"""Pipeline runs as a whole: begun with the roots of a group, and run again from where they failed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from tocsin_controller.definitions import Definitions
from tocsin_controller.store.database import Record, Session
from tocsin_controller.store.dependencies import dependency_states
from tocsin_controller.store.pipeline_history import pipeline_edges_shown
from tocsin_controller.store.pipelines import (
    Step,
    awaited_by_steps,
    begin_pipeline,
    group_graph,
    lock_pipeline_run,
    reopen_pipeline,
    steps_to_retry,
)
from tocsin_controller.workflow.cascade import settle
from tocsin_controller.workflow.causes import Parent, trigger_of
from tocsin_controller.workflow.dependencies import missing
from tocsin_controller.workflow.graph import roots, topmost
from tocsin_controller.workflow.launch import Launched
from tocsin_controller.workflow.steps import Start, start
from tocsin_shared.errors import Conflict, NotFound
from tocsin_shared.ids import new_id

#: More edges than any pipeline run has.
_EVERY = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Begun:
    """A pipeline run that began, or goes on."""

    id: UUID
    launched: Launched

    @property
    def run_ids(self) -> list[UUID]:
        """The runs that it started."""
        return list(self.launched.runs)


async def begin(
    session: Session,
    definitions: Definitions,
    group: str,
    trigger: dict[str, Any],
    *,
    now: datetime,
    pipeline_run_id: UUID | None = None,
) -> Begun:
    """Start every job of a group that waits for no other job of it. Announce after the commit.

    A root that waits for jobs of other groups is skipped while those have not ended as they should have. Without any
    job the pipeline run ends at once, incomplete.
    """
    pipeline_run_id = pipeline_run_id or new_id()
    graph = await group_graph(session, group)
    edges = [(parent, child) for child, parents in graph.items() for parent in parents]
    first = sorted(roots(graph, edges))
    await begin_pipeline(session, pipeline_run_id, group=group, trigger=trigger, created_at=now, roots=first)
    states = await dependency_states(session, first)
    who = {**trigger, "type": "pipeline", "group": group, "pipeline_run_id": str(pipeline_run_id)}
    starts = {
        Step(pipeline_run_id, job_id): Start(who, new_id(), missing(states.get(job_id, ())))
        for job_id in first
    }
    launched = await start(session, definitions, starts)
    if not launched.runs:
        await settle(session, [pipeline_run_id])
    return Begun(pipeline_run_id, launched)


async def retry(
    session: Session, definitions: Definitions, group: str, pipeline_run_id: UUID, *, by: str
) -> Begun:
    """Run the failed steps again that no other failed step is above of; what waits for them follows.

    So do steps that never ran because of jobs outside of the pipeline run, once those ended as they should have. Raises
    NotFound, and Conflict while it still runs or when nothing can be run again.
    """
    row = await lock_pipeline_run(session, group, pipeline_run_id)
    if row is None:
        raise NotFound(f"group '{group[:50]}' has no pipeline run {pipeline_run_id}")
    if row["status"] == "running":
        raise Conflict("the pipeline run has not ended yet; cancel its runs first, or wait for it")
    failed = {step["job_id"]: step for step in await steps_to_retry(session, pipeline_run_id)}
    edges = await pipeline_edges_shown(session, pipeline_run_id, _EVERY)
    first = sorted(topmost(failed, [(edge["parent_id"], edge["job_id"]) for edge in edges]))
    if not first:
        raise Conflict("no step of the pipeline run failed: there is nothing to run again")
    waiting = await _waiting_outside(session, pipeline_run_id, [failed[job_id] for job_id in first])
    starts = {
        Step(pipeline_run_id, job_id): _again(pipeline_run_id, failed[job_id], by)
        for job_id in first
        if job_id not in waiting
    }
    if not starts:
        raise Conflict(f"what the steps wait for outside of the pipeline run is missing: {waiting[first[0]]}")
    await reopen_pipeline(session, pipeline_run_id)
    launched = await start(session, definitions, starts)
    if not launched.runs:
        raise Conflict("the jobs of the failed steps were deleted: there is nothing to run again")
    return Begun(pipeline_run_id, launched)


async def _waiting_outside(
    session: Session, pipeline_run_id: UUID, steps: Sequence[Record]
) -> dict[UUID, str]:
    """Of steps that never ran, or were skipped, those that still wait for jobs of no step: for what."""
    idle = [Step(pipeline_run_id, step["job_id"]) for step in steps if step["status"] in (None, "skipped")]
    awaited = {one.step.job_id: one.awaited for one in await awaited_by_steps(session, idle)} if idle else {}
    # What roots wait for is no part of the graph.
    roots_among = [step.job_id for step in idle if step.job_id not in awaited]
    if roots_among:
        awaited |= await dependency_states(session, roots_among)
    return {job_id: why for job_id, states in awaited.items() if (why := missing(states)) is not None}


def _again(pipeline_run_id: UUID, step: Any, by: str) -> Start:
    if step["trigger"] is None:  # it never ran
        return Start(trigger_of("retry", by=by, pipeline_run_id=pipeline_run_id), new_id())
    parent = Parent(step["job_id"], step["run_id"], step["trigger"])
    trigger = trigger_of("retry", parent, by=by, run_id=step["run_id"], pipeline_run_id=pipeline_run_id)
    return Start(trigger, new_id())
