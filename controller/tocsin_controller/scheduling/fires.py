"""The instants at which a timing is due."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import assert_never

from tocsin_controller.scheduling.cron_fires import calendar_fires, cron_fires
from tocsin_controller.scheduling.timing import AfterFinish, Calendar, Cron, Every, Once, OnDemand, Timing
from tocsin_controller.scheduling.zones import EPOCH, LAST_MOMENT
from tocsin_shared.schedules import FireNote

_SECOND = timedelta(seconds=1)
_MICROSECOND = timedelta(microseconds=1)
#: The last instant that has a later one.
_LATEST = datetime.max.replace(tzinfo=UTC) - _MICROSECOND
#: Nothing is due later: it could not be told as local time, nor wait for its jitter.
LAST_FIRE = EPOCH + LAST_MOMENT * _SECOND


@dataclass(frozen=True, slots=True)
class Fire:
    """An instant at which a job is due, in UTC."""

    at: datetime
    #: Why it stands there, when a clock change has to do with it.
    notes: tuple[FireNote, ...] = ()


def next_fire(timing: Timing, after: datetime) -> Fire | None:
    """The first fire strictly after `after` and inside the timing's window, or None.

    For `AfterFinish`, when to look at the runs.
    Takes about 10 µs for cron and 3 µs for the rest, so callers need not cache anything.
    Raises CronError or UnknownZone for a timing that `check_timing` would refuse.
    """
    fire = _next(timing, _not_before(timing, after))
    return fire if fire is not None and fire.at <= _last(timing) else None


def count_fires(timing: Timing, after: datetime, until: datetime) -> int:
    """How many fires there are strictly after `after`, up to and including `until`, without listing them."""
    start = _not_before(timing, after)
    until = min(until, _last(timing))
    if until < start:
        return 0
    match timing.rule:
        case Cron(expression, key):
            fires = cron_fires(expression, timing.timezone, timing.dst, key)
            return fires.count(_seconds_up(start), _seconds_down(until) + 1)
        case Calendar(days):
            fires = calendar_fires(days, timing.timezone, timing.dst)
            return fires.count(_seconds_up(start), _seconds_down(until) + 1)
        case Every(interval_secs):
            return max(
                _steps_down(timing, until, interval_secs) - _steps_up(timing, start, interval_secs) + 1, 0
            )
        case AfterFinish():
            return 0
        case Once(at):
            return int(start <= at <= until)
        case OnDemand():
            return 0
        case _:
            assert_never(timing.rule)


def newest_fires(timing: Timing, after: datetime, until: datetime, limit: int) -> list[datetime]:
    """The last `limit` fires strictly after `after`, up to and including `until`, oldest first.

    Finds where they begin by halving, so its cost depends on `limit` and not on how many come before.
    """
    # Whole seconds are fine enough: no rule is due more than once a second.
    low, high = 0, max(-(-(until - after) // _SECOND), 0)
    while low < high:
        middle = (low + high) // 2
        if count_fires(timing, after + middle * _SECOND, until) <= limit:
            high = middle
        else:
            low = middle + 1
    return fires_between(timing, after + low * _SECOND, until, limit)


def fires_between(timing: Timing, after: datetime, until: datetime, limit: int) -> list[datetime]:
    """The first `limit` fires strictly after `after`, up to and including `until`, oldest first."""
    found: list[datetime] = []
    while len(found) < limit:
        fire = next_fire(timing, after)
        if fire is None or fire.at > until:
            break
        found.append(fire.at)
        after = fire.at
    return found


def _next(timing: Timing, start: datetime) -> Fire | None:
    """The first fire at or after `start`."""
    match timing.rule:
        case Cron(expression, key):
            found = cron_fires(expression, timing.timezone, timing.dst, key).next(_seconds_up(start))
            return Fire(EPOCH + timedelta(seconds=found[0]), found[1]) if found else None
        case Calendar(days):
            found = calendar_fires(days, timing.timezone, timing.dst).next(_seconds_up(start))
            return Fire(EPOCH + timedelta(seconds=found[0]), found[1]) if found else None
        case Every(interval_secs):
            steps = _steps_up(timing, start, interval_secs)
            try:
                return Fire(timing.anchor + timedelta(seconds=steps * interval_secs))
            except OverflowError:
                return None
        case AfterFinish():
            # As far as the schedule alone can tell: when the last run ended is looked up once this has come.
            return Fire(start)
        case Once(at):
            return Fire(at) if at >= start else None
        case OnDemand():
            return None
        case _:
            assert_never(timing.rule)


def _last(timing: Timing) -> datetime:
    return LAST_FIRE if timing.expires_at is None else min(timing.expires_at, LAST_FIRE)


def _not_before(timing: Timing, after: datetime) -> datetime:
    """The earliest instant that is strictly after `after` and in the window."""
    if timing.starts_at is not None and timing.starts_at > after:
        return timing.starts_at
    return min(after, _LATEST) + _MICROSECOND


def _steps_up(timing: Timing, moment: datetime, interval_secs: int) -> int:
    """Which multiple of the interval is the first at or after `moment`; the anchor itself is number 0."""
    return max(-((timing.anchor - moment) // timedelta(seconds=interval_secs)), 0)


def _steps_down(timing: Timing, moment: datetime, interval_secs: int) -> int:
    """Which multiple of the interval is the last at or before `moment`; -1 before the anchor."""
    return max((moment - timing.anchor) // timedelta(seconds=interval_secs), -1)


def _seconds_up(moment: datetime) -> int:
    return -((EPOCH - moment) // _SECOND)


def _seconds_down(moment: datetime) -> int:
    return (moment - EPOCH) // _SECOND
