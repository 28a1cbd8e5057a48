"""What becomes of a due timer: which of its instants run, which are recorded as skipped, and what comes next."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from tocsin_controller.scheduling import catchup
from tocsin_controller.scheduling.spreading import jitter
from tocsin_controller.scheduling.timing import Timing
from tocsin_controller.store.agents import AgentFacts
from tocsin_controller.store.launching import PlannedRun, Timer
from tocsin_controller.workflow.launch import plan_run, plan_skip
from tocsin_shared.executions import Reason
from tocsin_shared.jobs import JobDefinition
from tocsin_shared.targets import is_fan_out

TRIGGER: dict[str, Any] = {"type": "scheduler"}


class Decision(NamedTuple):
    """What is to be written for one timer."""

    timer: Timer
    runs: list[PlannedRun]
    #: None: the job fires no more.
    next_fire_at: datetime | None


def depends_on_the_moment(job: JobDefinition) -> bool:
    """Whether what becomes of the job can only be decided once it is due: by who is online, or what still runs."""
    return bool(job.max_concurrent) or is_fan_out(job.target)


def decide(
    timer: Timer,
    job: JobDefinition,
    timing: Timing,
    *,
    agents: Sequence[AgentFacts] = (),
    open_runs: int = 0,
) -> Decision:
    """What to write for a timer that is due, or will be when it is written. Pure.

    `agents` are those that an `all` run would freeze; `open_runs` is how many runs of the job have not ended.
    """
    now = max(timer.now, timer.next_fire_at)
    plan = catchup.plan(timing, timer.next_fire_at, now, job.catchup, job.catchup_window_secs)
    runs: list[PlannedRun] = []
    for instant in plan.missed:
        message = "no controller fired it in time"
        if plan.missed_more and not runs:
            message += f", nor {plan.missed_more} earlier occurrences"
        runs.append(plan_skip(timer.job_id, timer.job_version, instant, TRIGGER, Reason.MISSED, message))
    for instant in plan.fire:
        if job.max_concurrent and open_runs >= job.max_concurrent:
            message = f"{open_runs} runs of the job were open; max_concurrent is {job.max_concurrent}"
            runs.append(plan_skip(timer.job_id, timer.job_version, instant, TRIGGER, Reason.OVERLAP, message))
            continue
        open_runs += 1
        run = plan_run(
            timer.job_id, timer.job_version, job, trigger=TRIGGER, scheduled_for=instant, agents=agents
        )
        runs.append(_held_back(run, job, instant, now) if job.jitter_secs else run)
    return Decision(timer, runs, plan.next_fire_at)


def _held_back(run: PlannedRun, job: JobDefinition, instant: datetime, now: datetime) -> PlannedRun:
    """The run as it waits for its jitter to pass. It belongs to its due instant all the same (G1)."""
    ready_at = instant + jitter(job.name, instant, job.jitter_secs)
    if ready_at <= now or not run.executions:
        return run
    message = f"starts at {ready_at:%H:%M:%S} UTC (jitter_secs is {job.jitter_secs})"
    return run._replace(ready_at=ready_at, reason=Reason.JITTER, message=message)
