"""Failures in a row, and what of them is told. Pure."""

from typing import NamedTuple

from tocsin_controller.store.watches import Streak
from tocsin_shared.executions import RunStatus
from tocsin_shared.jobs import JobDefinition

_FAILED = frozenset({RunStatus.FAILED, RunStatus.TIMED_OUT, RunStatus.LOST})


class Counted(NamedTuple):
    """A streak after one more run, and whether something is to be told."""

    streak: Streak
    is_failing: bool = False
    has_recovered: bool = False
    #: Ended by this success.
    failures_before: int = 0


def count(streak: Streak, status: str, threshold: int | None) -> Counted:
    """One more run of the job ended. Runs that were cancelled or skipped neither fail nor succeed."""
    if status in _FAILED:
        failures = streak.failures + 1
        is_failing = threshold is not None and failures >= threshold and not streak.is_told
        return Counted(Streak(failures, streak.is_told or is_failing), is_failing=is_failing)
    if status == RunStatus.SUCCEEDED:
        return Counted(Streak(), has_recovered=streak.is_told, failures_before=streak.failures)
    return Counted(streak)


def watches_ends(job: JobDefinition) -> bool:
    """Whether the end of a run of this job may have to be told, or puts something off."""
    alerts = job.alerts
    return alerts is not None and (
        alerts.expected_min_secs is not None
        or alerts.expect_every_secs is not None
        or alerts.alert_after_failures is not None
    )


def watches_starts(job: JobDefinition) -> bool:
    """Whether a run of this job is to be looked at later."""
    alerts = job.alerts
    return alerts is not None and (alerts.late_start_secs is not None or alerts.expected_max_secs is not None)
