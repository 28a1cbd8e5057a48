"""What becomes of a due timer: which of its instants run, which are recorded as skipped, and what comes next."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from tocsin_controller.scheduling import catchup
from tocsin_controller.scheduling.after_finish import Past, look
from tocsin_controller.scheduling.spreading import jitter
from tocsin_controller.scheduling.timing import AfterFinish, Timing
from tocsin_controller.store.agents import AgentFacts
from tocsin_controller.store.launching import PlannedRun, Timer
from tocsin_controller.workflow.launch import plan_run, plan_skip
from tocsin_shared.executions import Reason
from tocsin_shared.jobs import JobDefinition
from tocsin_shared.schedules import CountedFrom, IntervalSchedule
from tocsin_shared.targets import is_fan_out

TRIGGER: dict[str, Any] = {"type": "scheduler"}


class Decision(NamedTuple):
    """What is to be written for one timer."""

    timer: Timer
    runs: list[PlannedRun]
    #: None: the job fires no more.
    next_fire_at: datetime | None


def depends_on_the_moment(job: JobDefinition) -> bool:
    """Whether what becomes of the job can only be decided once it is due.

    By who is online, what still runs, or how the jobs ended that it waits for.
    """
    return bool(job.depends_on) or is_after_finish(job) or is_fan_out(job.target)


def is_after_finish(job: JobDefinition) -> bool:
    """Whether the job is due so long after its last run has ended."""
    schedule = job.schedule
    return isinstance(schedule, IntervalSchedule) and schedule.value.counted_from is CountedFrom.FINISH


def decide(
    timer: Timer,
    job: JobDefinition,
    timing: Timing,
    *,
    agents: Sequence[AgentFacts] = (),
    open_runs: int = 0,
    last_end: datetime | None = None,
    missing: str | None = None,
) -> Decision:
    """What to write for a timer that is due, or will be when it is written. Pure.

    `agents` are those that an `all` run would freeze; `open_runs` is how many runs of the job have not ended, and
    `last_end` when the last of the others ended, for jobs that are `is_after_finish`; `missing` is what the job still
    waits for, in a sentence. Limits are looked at when the runs are written.
    """
    if isinstance(timing.rule, AfterFinish):
        return _decide_after_finish(
            timer, job, timing, timing.rule, agents, Past(open_runs, last_end), missing
        )
    now = max(timer.now, timer.next_fire_at)
    plan = catchup.plan(timing, timer.next_fire_at, now, job.catchup, job.catchup_window_secs)
    runs: list[PlannedRun] = []
    for instant in plan.missed:
        message = "no controller fired it in time"
        if plan.missed_more and not runs:
            message += f", nor {plan.missed_more} earlier occurrences"
        runs.append(plan_skip(timer.job_id, timer.job_version, instant, TRIGGER, Reason.MISSED, message))
    for instant in plan.fire:
        if missing is not None:
            runs.append(
                plan_skip(timer.job_id, timer.job_version, instant, TRIGGER, Reason.DEPENDENCY, missing)
            )
            continue
        run = plan_run(
            timer.job_id, timer.job_version, job, trigger=TRIGGER, scheduled_for=instant, agents=agents
        )
        runs.append(_held_back(run, job, instant, now) if job.jitter_secs else run)
    return Decision(timer, runs, plan.next_fire_at)


def _decide_after_finish(
    timer: Timer,
    job: JobDefinition,
    timing: Timing,
    rule: AfterFinish,
    agents: Sequence[AgentFacts],
    past: Past,
    missing: str | None,
) -> Decision:
    found = look(rule.interval_secs, timer.next_fire_at, timer.now, past, job.catchup)
    is_over = timing.expires_at is not None and found.next_look_at > timing.expires_at
    next_look_at = None if is_over else found.next_look_at
    if found.due is None:
        return Decision(timer, [], next_look_at)
    if found.is_missed:
        why = "no controller fired it in time"
        run = plan_skip(timer.job_id, timer.job_version, found.due, TRIGGER, Reason.MISSED, why)
    elif missing is not None:
        run = plan_skip(timer.job_id, timer.job_version, found.due, TRIGGER, Reason.DEPENDENCY, missing)
    else:
        run = plan_run(
            timer.job_id, timer.job_version, job, trigger=TRIGGER, scheduled_for=found.due, agents=agents
        )
        run = _held_back(run, job, found.due, timer.now) if job.jitter_secs else run
    return Decision(timer, [run], next_look_at)


def _held_back(run: PlannedRun, job: JobDefinition, instant: datetime, now: datetime) -> PlannedRun:
    """The run as it waits for its jitter to pass. It belongs to its due instant all the same (G1)."""
    ready_at = instant + jitter(job.name, instant, job.jitter_secs)
    if ready_at <= now or not run.executions:
        return run
    message = f"starts at {ready_at:%H:%M:%S} UTC (jitter_secs is {job.jitter_secs})"
    return run._replace(ready_at=ready_at, reason=Reason.JITTER, message=message)
