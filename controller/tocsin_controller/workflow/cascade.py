"""What the end of a run starts: the jobs that wait for it, each once for every completed set (fan-in without races).

A run of a job that others wait for is noted in the outbox, when it begins and when it ends, in the transaction that
makes that true. The handler here looks at what is true then. Nothing depends on how often or in which order it looks:

- Everything that one run sets off is a pipeline run: its steps are the jobs below, as the dependencies were when it
  began. Its row is locked while it is gone on with, so two parents that end at once are looked at one after the other.
- Inside it a step waits for the steps above it, never for an older run of the same job. For jobs outside of it their
  newest run counts, as for a job that its schedule starts.
- A step is started for a set of runs (`cause_of`). The same set starts it only once; across pipeline runs the primary
  key of `cascade_starts` sees to that.
- A step is closed once all that its end starts has been started; a job with many dependents comes back for the rest.
"""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from tocsin_controller.definitions import Definitions
from tocsin_controller.hints import EVENTS, OUTBOX, Hints
from tocsin_controller.store.database import Session
from tocsin_controller.store.events import NewEvent, Severity, add_events
from tocsin_controller.store.outbox import OutboxEntry, add_to_outbox
from tocsin_controller.store.pipelines import (
    EndedStep,
    SettledPipeline,
    StartedStep,
    Step,
    WaitingStep,
    awaited_by_steps,
    begin_pipeline,
    claim_starts,
    close_steps,
    ended_steps,
    lock_pipelines,
    runs_looked_at,
    settle_pipelines,
    start_steps,
    steps_after,
)
from tocsin_controller.workflow.causes import Parent, trigger_of
from tocsin_controller.workflow.dependencies import cause_of, missing
from tocsin_controller.workflow.launch import Announce, Launched
from tocsin_controller.workflow.outbox import AfterCommit
from tocsin_controller.workflow.steps import RUN_MOVED, Start, start

#: So many dependents are started in one transaction, divided among the runs that ended, but so many of each at least.
FAN_OUT: Final = 500
LEAST_OF_EACH: Final = 10
#: So many runs are looked at together.
BATCH: Final = 100

_FIRST: Final = UUID(int=0)
_TOLD: Final[dict[str, tuple[str, Severity]]] = {
    "succeeded": ("group.completed", "success"),
    "failed": ("group.failed", "error"),
    "cancelled": ("group.failed", "warning"),
    "incomplete": ("group.failed", "warning"),
}


class Cascade:
    """Goes on with pipeline runs."""

    def __init__(self, hints: Hints, definitions: Definitions, announce: Announce) -> None:
        self._hints = hints
        self._definitions = definitions
        self._announce_launched = announce

    async def handle(self, session: Session, entries: Sequence[OutboxEntry]) -> AfterCommit:
        """Look at runs that moved: begin what they begin, start what their end starts, end what ends with them."""
        after: dict[UUID, UUID] = {}
        for entry in entries:
            run_id, cursor = UUID(entry.payload["run_id"]), UUID(entry.payload.get("after", _FIRST.hex))
            after[run_id] = min(cursor, after.get(run_id, cursor))
        pipelines = await self._pipelines_of(session, list(after))
        await lock_pipelines(session, pipelines)
        ended = await ended_steps(session, list(after))
        most = max(FAN_OUT // max(len(ended), 1), LEAST_OF_EACH)
        children = await steps_after(session, [(e.step, after[e.run_id]) for e in ended], most)
        launched = await self._start_ready(session, ended, children)
        await _close(session, ended, children, most)
        has_events = await settle(session, pipelines)
        return lambda: self._announce(launched, has_events=has_events)

    async def _pipelines_of(self, session: Session, run_ids: Sequence[UUID]) -> list[UUID]:
        """The pipeline runs that these belong to; those that are to begin with one of these, begun."""
        found: set[UUID] = set()
        for run in await runs_looked_at(session, run_ids):
            if run["pipeline_run_id"] is not None:
                found.add(run["pipeline_run_id"])
            elif run["has_dependents"] and run["status"] != "skipped" and _is_first(run["trigger"]):
                found.add(run["id"])
                has_begun = await begin_pipeline(
                    session,
                    run["id"],
                    group=run["group_name"],
                    trigger=run["trigger"],
                    created_at=run["created_at"],
                    roots=[run["job_id"]],
                )
                if has_begun:
                    root = StartedStep(Step(run["id"], run["job_id"]), run["id"], run["id"])
                    await start_steps(session, [root])
        return sorted(found)

    async def _start_ready(
        self, session: Session, ended: Sequence[EndedStep], children: dict[Step, list[Step]]
    ) -> Launched:
        """Start those of these steps that wait for nothing any more."""
        parents = {child: parent for parent in ended for child in children[parent.step]}
        if not parents:
            return Launched({}, {})
        causes = await _to_start(session, await awaited_by_steps(session, sorted(parents)))
        starts = {step: Start(_trigger(parents[step]), cause) for step, cause in causes.items()}
        return await start(session, self._definitions, starts)

    def _announce(self, launched: Launched, *, has_events: bool) -> None:
        if has_events:
            self._hints.hint(EVENTS)
        self._announce_launched(launched)
        self._hints.hint(OUTBOX, everywhere=False)


async def _close(
    session: Session, ended: Sequence[EndedStep], children: dict[Step, list[Step]], most: int
) -> None:
    """Close the steps of which all dependents have been looked at; come back to those that have more."""
    unfinished = {e.run_id: children[e.step][-1].job_id for e in ended if len(children[e.step]) == most}
    again = [{"run_id": str(run_id), "after": str(job_id)} for run_id, job_id in unfinished.items()]
    await add_to_outbox(session, RUN_MOVED, again)
    await close_steps(session, [e.run_id for e in ended if e.is_open and e.run_id not in unfinished])


async def settle(session: Session, pipeline_run_ids: Sequence[UUID]) -> bool:
    """Work out where these stand, and tell of those that ended; whether any did. The caller holds their locks."""
    settled = await settle_pipelines(session, pipeline_run_ids)
    await add_events(session, [_event(one) for one in settled])
    return bool(settled)


def _trigger(parent: EndedStep) -> dict[str, Any]:
    """Why a step runs: the run that completed what it waited for."""
    return trigger_of(
        "dependency",
        Parent(parent.step.job_id, parent.run_id, parent.trigger),
        parent_job_id=parent.step.job_id,
        parent_run_id=parent.run_id,
        pipeline_run_id=parent.step.pipeline_run_id,
    )


def _is_first(trigger: dict[str, Any]) -> bool:
    """Whether a run belongs to no pipeline run already (a late result of a run that was retried does)."""
    return "pipeline_run_id" not in trigger


async def _to_start(session: Session, waiting: Sequence[WaitingStep]) -> dict[Step, UUID]:
    """Which of these steps are to be started now, and for which sets; each set of a job by one of them only."""
    causes: dict[Step, UUID] = {}
    shared: dict[tuple[UUID, UUID], Step] = {}
    for one in waiting:
        cause = _cause_to_start(one)
        if cause is not None and one.is_inside:
            causes[one.step] = cause
        elif cause is not None:
            shared.setdefault((one.step.job_id, cause), one.step)
    for job_id, cause in await claim_starts(session, list(shared)):
        causes[shared[job_id, cause]] = cause
    return causes


def _cause_to_start(waiting: WaitingStep) -> UUID | None:
    """For which set of runs a step is to be started now; None when it is not."""
    if waiting.is_open or missing(waiting.awaited) is not None:
        return None
    cause = cause_of([one.run_id for one in waiting.awaited if one.run_id is not None])
    return cause if cause != waiting.cause else None


def _event(settled: SettledPipeline) -> NewEvent:
    kind, severity = _TOLD[settled.status]
    verb = {"cancelled": "was cancelled", "incomplete": "ended incomplete"}.get(
        settled.status, settled.status
    )
    return NewEvent(
        kind=kind,
        severity=severity,
        message=f"Pipeline '{settled.group}' {verb}",
        run_id=settled.id,
        details=settled.group,
    )
