"""Intervals that are counted from the end of the last run, whoever started it and however it ended.

Such a job has no instants of its own; what it has is a timer that says when to look. While a run is open when somebody
looks, the run can't end before now, so the job can't be due before now + interval: that is when to look again. When
none is open, the end of the last one is known, and with it the instant. So nothing has to happen when a run ends,
nothing is held in memory, and a run that is lost counts as ended when it is declared lost.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from tocsin_controller.scheduling.catchup import ON_TIME_SECS
from tocsin_shared.schedules import Catchup


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of a job's runs at the moment of looking."""

    open_runs: int = 0
    #: When the last one ended; None: there was none.
    last_end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """What to do, and when to look again."""

    #: The instant that is due now; None: nothing is.
    due: datetime | None
    #: Whether it came so late that the job does without it.
    is_missed: bool
    next_look_at: datetime


def look(interval_secs: int, looked_for: datetime, now: datetime, past: Past, catchup: Catchup) -> Look:
    """What a timer set to `looked_for` means now."""
    interval = timedelta(seconds=interval_secs)
    if past.open_runs:
        return Look(None, False, now + interval)
    due = looked_for if past.last_end is None else max(looked_for, past.last_end + interval)
    if due > now:
        return Look(None, False, due)
    is_late = now - due > timedelta(seconds=ON_TIME_SECS)
    # There is no later instant to make up for this one, so it runs however late it is, unless nothing shall.
    return Look(due, is_late and catchup is Catchup.NONE, now + interval)
