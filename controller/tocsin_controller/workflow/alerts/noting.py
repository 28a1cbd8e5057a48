"""Runs that are made and runs that end, for jobs with alerts: written in the same transaction."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from uuid import UUID

from tocsin_controller.store.database import Session
from tocsin_controller.store.events import NewEvent, Severity, add_events
from tocsin_controller.store.launching import PlannedRun
from tocsin_controller.store.watches import (
    BriefRun,
    RunWatch,
    WatchKind,
    lock_streak,
    put_off_missing,
    runs_in_brief,
    set_streak,
    watch_runs,
)
from tocsin_controller.workflow.alerts.streaks import count, watches_ends, watches_starts
from tocsin_shared.executions import RunStatus
from tocsin_shared.jobs import JobDefinition


async def note_made(session: Session, made: Sequence[tuple[PlannedRun, JobDefinition]]) -> None:
    """Look at these new runs later; those that failed at once count as failures."""
    made = [(run, job) for run, job in made if watches_starts(job)]
    await watch_runs(session, [watch for run, job in made for watch in _watches(run, job)])
    failed = {run.id: job for run, job in made if run.status is RunStatus.FAILED and watches_ends(job)}
    if failed:
        await note_ended(session, failed)


async def note_ended(
    session: Session, jobs: Mapping[UUID, JobDefinition], corrected: Collection[UUID] = ()
) -> None:
    """Those of these runs that have ended may be worth an event. Each run with its job; call it once for each end.

    The end of those in `corrected` was noted before, as a loss: they count only if they have succeeded after all.
    """
    if not jobs:
        return
    ended = [
        run
        for run in (await runs_in_brief(session, list(jobs))).values()
        if run.finished_at and (run.id not in corrected or run.status == RunStatus.SUCCEEDED)
    ]
    events: list[NewEvent] = []
    for run in sorted(ended, key=lambda run: (run.job_id, run.id)):  # streaks are locked in one order
        events += await _note_one(session, run, jobs[run.id])
    await add_events(session, events)


async def _note_one(session: Session, run: BriefRun, job: JobDefinition) -> list[NewEvent]:
    alerts = job.alerts
    if alerts is None:
        return []
    events: list[NewEvent] = []
    if run.status == RunStatus.SUCCEEDED:
        if alerts.expect_every_secs is not None:
            await put_off_missing(session, run.job_id, alerts.expect_every_secs)
        took_secs = _took_secs(run)
        least = alerts.expected_min_secs
        if least is not None and took_secs is not None and took_secs < least:
            message = f"Job '{job.name}' succeeded after {took_secs:.1f} s; at least {least} s were expected"
            events.append(alert("job.too_short", "warning", message, run))
    if alerts.alert_after_failures is not None:
        counted = count(await lock_streak(session, run.job_id), run.status, alerts.alert_after_failures)
        await set_streak(session, run.job_id, counted.streak)
        if counted.is_failing:
            message = f"Job '{job.name}' failed {counted.streak.failures} times in a row"
            events.append(alert("job.failing", "error", message, run))
        if counted.has_recovered:
            message = f"Job '{job.name}' succeeded again"
            events.append(alert("job.recovered", "success", message, run))
    return events


def alert(kind: str, severity: Severity, message: str, run: BriefRun) -> NewEvent:
    """An event about a run."""
    return NewEvent(kind=kind, severity=severity, message=message, job_id=run.job_id, run_id=run.id)


def _watches(run: PlannedRun, job: JobDefinition) -> Iterable[RunWatch]:
    alerts = job.alerts
    if alerts is None or run.status is not RunStatus.PENDING:
        return
    if alerts.late_start_secs is not None:
        yield RunWatch(
            run.job_id, WatchKind.LATE_START, run.id, run.scheduled_for, float(alerts.late_start_secs)
        )
    if alerts.expected_max_secs is not None:
        yield RunWatch(run.job_id, WatchKind.TOO_LONG, run.id, None, float(alerts.expected_max_secs))


def _took_secs(run: BriefRun) -> float | None:
    if run.started_at is None or run.finished_at is None:
        return None
    return (run.finished_at - run.started_at).total_seconds()
