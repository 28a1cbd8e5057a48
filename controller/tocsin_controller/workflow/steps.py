"""Starting steps of pipeline runs: a run of the step's job, or the record of why there is none."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from tocsin_controller.definitions import Definitions
from tocsin_controller.store.database import Record, Session
from tocsin_controller.store.launching import PlannedRun
from tocsin_controller.store.outbox import add_to_outbox
from tocsin_controller.store.pipelines import StartedStep, Step, jobs_to_start, start_steps
from tocsin_controller.workflow.launch import Launched, agents_for, launch_gated, plan_run, plan_skip
from tocsin_shared.executions import Reason
from tocsin_shared.jobs import JobDefinition, JobStatus

#: The outbox's kind: look at this run.
RUN_MOVED: Final = "pipeline.run"


@dataclass(frozen=True, slots=True)
class Start:
    """Why a step starts now."""

    trigger: dict[str, Any]
    #: For which set of runs.
    cause: UUID
    #: What its job still waits for outside of the pipeline run: then it is skipped.
    missing: str | None = None


async def start(session: Session, definitions: Definitions, starts: Mapping[Step, Start]) -> Launched:
    """Write the runs of steps whose pipeline runs the caller has locked or begun; tell the dispatcher after the commit.

    Those that ended at once (skipped, nobody to run them) are looked at next. Jobs that were deleted are passed over.
    """
    if not starts:
        return Launched({}, {})
    jobs = await jobs_to_start(session, {step.job_id for step in starts})
    found = await definitions.get_many(session, [(job_id, row["version"]) for job_id, row in jobs.items()])
    known = {key[0]: job for key, job in found.items() if isinstance(job, JobDefinition)}
    agents = await agents_for(session, known.values())
    runs: dict[Step, PlannedRun] = {}
    for step, why in starts.items():
        row = jobs.get(step.job_id)
        if row is None:
            continue
        job = known.get(step.job_id)
        runs[step] = _skip(row, job, why) or plan_run(
            row["id"], row["version"], known[step.job_id], trigger=why.trigger, agents=agents
        )
    launched = await launch_gated(session, list(runs.values()))
    await start_steps(session, [StartedStep(step, run.id, starts[step].cause) for step, run in runs.items()])
    over = [{"run_id": str(run.id)} for run in launched.runs.values() if run.status.is_final]
    await add_to_outbox(session, RUN_MOVED, over)
    return launched


def _skip(row: Record, job: JobDefinition | None, why: Start) -> PlannedRun | None:
    """The record of a start that does not happen; None when it does."""
    if job is None:
        reason, message = Reason.INTERNAL, "this release can't read the stored definition"
    elif row["status"] == JobStatus.PAUSED:
        reason, message = Reason.PAUSED, "the job is paused"
    elif why.missing is not None:
        reason, message = Reason.DEPENDENCY, why.missing
    else:
        return None
    return plan_skip(row["id"], row["version"], None, why.trigger, reason, message)
