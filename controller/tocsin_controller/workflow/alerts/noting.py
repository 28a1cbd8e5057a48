"""Runs that are made and runs that end, for jobs with alerts: written in the same transaction."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final
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
from tocsin_controller.workflow.alerts.streaks import count
from tocsin_controller.workflow.notifying.channels import fleet_notifications
from tocsin_controller.workflow.notifying.noticing import Notice, is_told, note, told_of
from tocsin_shared.alerts import Alerts
from tocsin_shared.executions import RunStatus
from tocsin_shared.jobs import JobDefinition
from tocsin_shared.notifications import Told


async def note_made(session: Session, made: Sequence[tuple[PlannedRun, JobDefinition]]) -> None:
    """Look at these new runs later; those that failed at once count as failures."""
    await watch_runs(session, [watch for run, job in made for watch in _watches(run, job)])
    failed = {run.id: job for run, job in made if run.status is RunStatus.FAILED}
    if failed:
        await note_ended(session, failed, (await fleet_notifications(session)).defaults)


async def note_ended(
    session: Session,
    jobs: Mapping[UUID, JobDefinition],
    defaults: Told,
    corrected: Collection[UUID] = (),
) -> bool:
    """Those of these runs that have ended may be worth an event, or a notification; whether the latter.

    Each run with its job; call it once for each end. `defaults` count for jobs that do not say what is told of
    them. The end of the runs in `corrected` was noted before, as a loss: they count only if they have succeeded after
    all.
    """
    if not jobs:
        return False
    ended = [
        run
        for run in (await runs_in_brief(session, list(jobs))).values()
        if run.finished_at and (run.id not in corrected or run.status == RunStatus.SUCCEEDED)
    ]
    events: list[NewEvent] = []
    notices: list[Notice] = []
    for run in sorted(ended, key=lambda run: (run.job_id, run.id)):  # streaks are locked in one order
        told = told_of(jobs[run.id], defaults)
        alerts, has_recovered = await _note_one(session, run, jobs[run.id], told)
        events += alerts
        notices += _notices(run, jobs[run.id], told, alerts, has_recovered=has_recovered)
    await add_events(session, events)
    await note(session, notices)
    return bool(notices)


async def _note_one(
    session: Session, run: BriefRun, job: JobDefinition, told: Told
) -> tuple[list[NewEvent], bool]:
    """What alerts make of it, and whether it is a recovery that is told."""
    alerts = job.alerts or Alerts()
    events: list[NewEvent] = []
    if run.status == RunStatus.SUCCEEDED:
        if alerts.expect_every_secs is not None:
            await put_off_missing(session, run.job_id, alerts.expect_every_secs)
        took_secs = _took_secs(run)
        least = alerts.expected_min_secs
        if least is not None and took_secs is not None and took_secs < least:
            message = f"Job '{job.name}' succeeded after {took_secs:.1f} s; at least {least} s were expected"
            events.append(alert("job.too_short", "warning", message, run))
    if alerts.alert_after_failures is None and not told.on_recovery:
        return events, False
    counted = count(await lock_streak(session, run.job_id), run.status, alerts.alert_after_failures)
    await set_streak(session, run.job_id, counted.streak)
    if counted.is_failing:
        message = f"Job '{job.name}' failed {counted.streak.failures} times in a row"
        events.append(alert("job.failing", "error", message, run))
    if counted.has_recovered:
        message = f"Job '{job.name}' succeeded again"
        events.append(alert("job.recovered", "success", message, run))
    return events, told.on_recovery and counted.failures_before >= (alerts.alert_after_failures or 1)


def _notices(
    run: BriefRun, job: JobDefinition, told: Told, alerts: Sequence[NewEvent], *, has_recovered: bool
) -> list[Notice]:
    """All that is told of one end, in one notice."""
    said: list[tuple[str, Severity, str]] = []
    if has_recovered:
        said.append(("run.recovered", "success", f"Job '{job.name}' succeeded again"))
    elif is_told(told, run.status, run.reason):
        ending = f"Job '{job.name}' {_ENDED[RunStatus(run.status)]}"
        is_success = run.status == RunStatus.SUCCEEDED
        said.append(("run.succeeded", "success", ending) if is_success else ("run.failed", "error", ending))
    if told.on_alert:
        said += [(one.kind, one.severity, one.message) for one in alerts]
    if not said:
        return []
    kinds = tuple(kind for kind, _, _ in said)
    texts = tuple(dict.fromkeys(text for _, _, text in said))
    worst = max((severity for _, severity, _ in said), key=_SEVERITIES.index)
    return [Notice(kinds, worst, texts, run.job_id, run.id)]


_SEVERITIES: Final[tuple[Severity, ...]] = ("success", "info", "warning", "error")
_ENDED: Final = {
    RunStatus.SUCCEEDED: "succeeded",
    RunStatus.FAILED: "failed",
    RunStatus.TIMED_OUT: "timed out",
    RunStatus.LOST: "was lost",
}


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
