"""What becomes of a due timer: which of its instants run, which are recorded as skipped, and what comes next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from tocsin_controller.scheduling import catchup
from tocsin_controller.scheduling.after_finish import Past, look
from tocsin_controller.scheduling.blackouts import Stretch, blackout_around, is_first_in
from tocsin_controller.scheduling.catchup import ON_TIME_SECS
from tocsin_controller.scheduling.fires import next_fire
from tocsin_controller.scheduling.named_calendars import Calendars, names_used
from tocsin_controller.scheduling.spreading import jitter
from tocsin_controller.scheduling.timing import AfterFinish, Timing
from tocsin_controller.store.agents import AgentFacts
from tocsin_controller.store.launching import PlannedRun, Timer
from tocsin_controller.workflow.launch import plan_run, plan_skip
from tocsin_shared.calendar_schedules import CalendarSchedule
from tocsin_shared.calendars import Blackout
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

    By who is online, what still runs, how the jobs ended that it waits for, or what its calendars say then.
    """
    return bool(job.depends_on) or is_after_finish(job) or bool(names_used(job)) or is_fan_out(job.target)


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
    calendars: Calendars | None = None,
) -> Decision:
    """What to write for a timer that is due, or will be when it is written. Pure.

    `agents` are those that an `all` run would freeze; `open_runs` is how many runs of the job have not ended, and
    `last_end` when the last of the others ended, for jobs that are `is_after_finish`; `missing` is what the job still
    waits for, in a sentence; `calendars` are those it uses. Limits are looked at when the runs are written.
    """
    dark = Dark(job, timing, calendars or {})
    if isinstance(timing.rule, AfterFinish):
        past = Past(open_runs, last_end)
        return _decide_after_finish(timer, job, timing, timing.rule, agents, past, missing, dark)
    now = max(timer.now, timer.next_fire_at)
    if dark.has_days_off and not dark.is_due(timer.next_fire_at):
        # A calendar has changed since the timer was set.
        following = next_fire(timing, timer.next_fire_at)
        return Decision(timer, [], following.at if following else None)
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
        runs.append(_run_or_skip(timer, job, instant, now, agents, dark))
    return Decision(timer, runs, plan.next_fire_at)


def _decide_after_finish(
    timer: Timer,
    job: JobDefinition,
    timing: Timing,
    rule: AfterFinish,
    agents: Sequence[AgentFacts],
    past: Past,
    missing: str | None,
    dark: "Dark",
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
        run = _run_or_skip(timer, job, found.due, timer.now, agents, dark)
    return Decision(timer, [run], next_look_at)


@dataclass(frozen=True, slots=True)
class Dark:
    """What named calendars have to say about a job's instants."""

    job: JobDefinition
    timing: Timing
    calendars: Calendars

    @property
    def has_days_off(self) -> bool:
        """Whether its instants depend on calendars."""
        return isinstance(self.job.schedule, CalendarSchedule) and bool(self.job.schedule.value.calendars)

    def is_due(self, instant: datetime) -> bool:
        """Whether the schedule is due at this instant, as the calendars are now."""
        return self._next(instant - timedelta(microseconds=1)) == instant

    def around(self, moment: datetime) -> Stretch | None:
        """The blackout that covers a moment. Raises UnreadableCalendar."""
        return blackout_around(self.job, self.calendars, moment)

    def is_first(self, stretch: Stretch, instant: datetime) -> bool:
        """Whether it is the first of the schedule's instants in a blackout."""
        return isinstance(self.timing.rule, AfterFinish) or is_first_in(stretch, instant, self._next)

    def _next(self, after: datetime) -> datetime | None:
        fire = next_fire(self.timing, after)
        return fire.at if fire else None


def _run_or_skip(
    timer: Timer,
    job: JobDefinition,
    instant: datetime,
    now: datetime,
    agents: Sequence[AgentFacts],
    dark: Dark,
) -> PlannedRun:
    """What becomes of an instant that is to run, as blackouts and jitter have it. It stays the run's own (G1)."""
    # What comes late must not run in a blackout either.
    moment = now if now - instant > timedelta(seconds=ON_TIME_SECS) else instant
    stretch = dark.around(moment)
    if stretch is not None and (stretch.policy is Blackout.SKIP or not dark.is_first(stretch, instant)):
        is_later = stretch.policy is Blackout.DEFER
        why = f"due in {stretch.why}" + ("; an earlier occurrence waits for its end" if is_later else "")
        return plan_skip(timer.job_id, timer.job_version, instant, TRIGGER, Reason.BLACKOUT, why)
    run = plan_run(
        timer.job_id, timer.job_version, job, trigger=TRIGGER, scheduled_for=instant, agents=agents
    )
    begin = instant if stretch is None else stretch.end
    ready_at = begin + jitter(job.name, instant, job.jitter_secs)
    if ready_at <= now or ready_at == instant or not run.executions:
        return run
    if stretch is not None:
        message = f"waits until {ready_at:%Y-%m-%d %H:%M:%S} UTC: {stretch.why}"
        return run._replace(ready_at=ready_at, reason=Reason.BLACKOUT, message=message)
    message = f"starts at {ready_at:%H:%M:%S} UTC (jitter_secs is {job.jitter_secs})"
    return run._replace(ready_at=ready_at, reason=Reason.JITTER, message=message)
