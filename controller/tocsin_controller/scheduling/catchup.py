"""What becomes of the instants that passed since a job was last looked at."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from tocsin_controller.scheduling.fires import count_fires, fires_between, newest_fires, next_fire
from tocsin_controller.scheduling.timing import Once, Timing
from tocsin_shared.schedules import Catchup

#: A controller that comes this late is merely busy; the newest due instant is then a normal fire.
ON_TIME_SECS = 10.0
#: How many missed instants get a record of their own. More are told as a number.
MISSED_LISTED = 1000


@dataclass(frozen=True, slots=True)
class CatchupPlan:
    """What to do with every instant from the first due one to now. All lists are oldest first."""

    #: These run.
    fire: tuple[datetime, ...]
    #: These are recorded as skipped with reason `missed`: the newest `MISSED_LISTED` of them.
    missed: tuple[datetime, ...]
    #: How many more were missed, all of them from the first due instant up to `missed[0]`.
    missed_more: int
    #: The first one after now; None when there is none.
    next_fire_at: datetime | None


def plan(
    timing: Timing,
    first_due: datetime,
    now: datetime,
    catchup: Catchup,
    window_secs: float,
    limit: int = 100,
    on_time_secs: float = ON_TIME_SECS,
) -> CatchupPlan:
    """Sorts the instants from `first_due` (the job's stored `next_fire_at`) to `now`, both included.

    1. The newest instant runs if it is at most `on_time_secs` old, whatever the policy and the window: that
       is normal operation, not catching up.
    2. `none`: nothing else runs.
       `latest`: the newest instant also runs if it is at most `window_secs` old.
       `all`: every instant at most `window_secs` old runs, but only the newest `limit` of them.
    3. A `one_shot` under `latest` or `all` runs however old it is: it has no later instant to make up for it.
    4. All that does not run is missed.

    So with a cron for every second and a controller that comes 3 s late, `latest` runs the newest of three
    instants and `all` runs three. However long the time away, the work is bounded: instants beyond
    `limit` + `MISSED_LISTED` are counted, not listed.
    """
    if first_due > now:
        return CatchupPlan((), (), 0, first_due)
    following = next_fire(timing, first_due)
    due, more = [first_due], 0
    if following is not None and following.at <= now:
        following = next_fire(timing, now)
        due, more = _due_instants(timing, first_due, now, limit + MISSED_LISTED)
    runs = _how_many_run(timing, due, now, catchup, window_secs, limit, on_time_secs)
    fire, rest = due[len(due) - runs :], due[: len(due) - runs]
    missed = rest[-MISSED_LISTED:]
    return CatchupPlan(
        fire=tuple(fire),
        missed=tuple(missed),
        missed_more=more + len(rest) - len(missed),
        next_fire_at=following.at if following else None,
    )


def _due_instants(timing: Timing, first: datetime, now: datetime, limit: int) -> tuple[list[datetime], int]:
    """The newest due instants, up to about `limit`, and how many older ones there are."""
    later = fires_between(timing, first, now, limit + 1)
    if len(later) <= limit:
        return [first, *later], 0
    newest = newest_fires(timing, first, now, limit)
    # `first` is due because the job says so, even if the timing that said it has since changed.
    return newest, 1 + count_fires(timing, first, now) - len(newest)


def _how_many_run(
    timing: Timing,
    due: list[datetime],
    now: datetime,
    catchup: Catchup,
    window_secs: float,
    limit: int,
    on_time_secs: float,
) -> int:
    newest_age = now - due[-1]
    newest_runs = int(
        newest_age <= timedelta(seconds=on_time_secs)
        or (catchup is not Catchup.NONE and newest_age <= timedelta(seconds=window_secs))
        or (catchup is not Catchup.NONE and isinstance(timing.rule, Once))
    )
    if catchup is not Catchup.ALL:
        return newest_runs
    inside_window = sum(now - instant <= timedelta(seconds=window_secs) for instant in due)
    return max(min(inside_window, limit), newest_runs)
