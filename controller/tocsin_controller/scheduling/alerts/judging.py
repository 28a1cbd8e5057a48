"""Whether what is looked at is worth an event. Pure.

Judged by when things happened and not by when somebody looks, so that nothing is missed while no controller runs.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from tocsin_controller.store.watches import BriefRun, DayOfRuns
from tocsin_shared.executions import Reason, RunStatus

#: Runs that were skipped because somebody wanted that are not missed.
_MEANT = frozenset({Reason.PAUSED.value})


class Verdict(NamedTuple):
    """What comes of a look at a run."""

    #: It is worth its event.
    is_true: bool = False
    #: Look again then.
    again_at: datetime | None = None


def is_late(run: BriefRun, limit: datetime) -> bool:
    """Whether a run had not started by then, though it had not ended either."""
    if run.started_at is not None:
        return run.started_at > limit
    return run.finished_at is None or run.finished_at > limit


def judge_length(run: BriefRun, most_secs: int, now: datetime) -> Verdict:
    """Whether a run takes too long; one that has not started is looked at again."""
    most = timedelta(seconds=most_secs)
    if run.started_at is None:
        return Verdict() if run.finished_at else Verdict(again_at=now + most)
    if run.finished_at is not None:
        return Verdict(is_true=run.finished_at - run.started_at > most)
    limit = run.started_at + most
    return Verdict(is_true=True) if limit <= now else Verdict(again_at=limit)


def why_not_done(day: DayOfRuns, at: datetime, unfired_at: datetime | None) -> str | None:
    """Why the day's run has not succeeded by an instant; None when it has, or when none was due.

    `unfired_at` is when the job is due next and has not been fired for.
    """
    if day.open is not None:
        has_started = day.open.started_at is not None and day.open.started_at <= at
        return f"run {day.open.id} has {'not ended' if has_started else 'not started'}"
    if day.happened is not None:
        run = day.happened
        if run.finished_at is None or run.finished_at > at:
            return f"run {run.id} had not ended"
        if run.status != RunStatus.SUCCEEDED:
            return f"run {run.id}: {run.status.replace('_', ' ')}"
        return None
    if unfired_at is not None and unfired_at < at:
        return "it was due and has not started"
    if day.skipped is not None and day.skipped.reason not in _MEANT:
        return f"run {day.skipped.id} was skipped: {day.skipped.reason}"
    return None
