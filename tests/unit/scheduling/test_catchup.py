"""Which of the instants that passed run, which are recorded as missed, and what comes next."""

from datetime import UTC, datetime, timedelta
from time import perf_counter

import pytest

from tocsin_controller.scheduling.catchup import MISSED_LISTED, CatchupPlan, plan
from tocsin_controller.scheduling.fires import count_fires
from tocsin_controller.scheduling.timing import Cron, Every, Once, OnDemand, Rule, Timing
from tocsin_shared.schedules import Catchup

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR_SECS = 3600.0
DAY_SECS = 86_400.0


def timing(rule: Rule, *, expires_at: datetime | None = None) -> Timing:
    return Timing(rule=rule, anchor=NOON - timedelta(days=3000), expires_at=expires_at)


def clock(text: str) -> datetime:
    """A time of day on the day of these tests."""
    return datetime.combine(NOON.date(), datetime.strptime(text, "%H:%M:%S.%f").time(), UTC)  # noqa: DTZ007 - time only


def summary(plan: CatchupPlan) -> tuple[list[str], list[str]]:
    return [f"{t:%H:%M:%S}" for t in plan.fire], [f"{t:%H:%M:%S}" for t in plan.missed]


@pytest.mark.parametrize("catchup", list(Catchup))
@pytest.mark.parametrize("window_secs", [0.0, DAY_SECS])
def test_in_normal_operation_the_one_due_instant_fires_whatever_the_policy(
    catchup: Catchup, window_secs: float
) -> None:
    done = plan(timing(Cron("@hourly")), NOON, clock("12:00:00.004"), catchup, window_secs)
    assert done == CatchupPlan((NOON,), (), 0, clock("13:00:00.0"))


def test_nothing_is_done_before_the_first_instant_is_due() -> None:
    done = plan(timing(Cron("@hourly")), NOON, clock("11:59:59.9"), Catchup.ALL, DAY_SECS)
    assert done == CatchupPlan((), (), 0, NOON)


@pytest.mark.parametrize(
    ("catchup", "fire", "missed"),
    [
        (Catchup.LATEST, ["12:00:02"], ["12:00:00", "12:00:01"]),
        (Catchup.NONE, ["12:00:02"], ["12:00:00", "12:00:01"]),
        (Catchup.ALL, ["12:00:00", "12:00:01", "12:00:02"], []),
    ],
)
def test_a_controller_three_seconds_late_for_every_second(
    catchup: Catchup, fire: list[str], missed: list[str]
) -> None:
    done = plan(timing(Cron("* * * * * *")), NOON, clock("12:00:02.9"), catchup, HOUR_SECS)
    assert summary(done) == (fire, missed)
    assert done.next_fire_at == clock("12:00:03.0")


@pytest.mark.parametrize(
    ("catchup", "window_secs", "fire", "missed"),
    [
        # Away from 12:00 to 15:30 with an hourly job: four instants, the newest 30 minutes old.
        (Catchup.NONE, DAY_SECS, [], ["12:00:00", "13:00:00", "14:00:00", "15:00:00"]),
        (Catchup.LATEST, DAY_SECS, ["15:00:00"], ["12:00:00", "13:00:00", "14:00:00"]),
        (Catchup.ALL, DAY_SECS, ["12:00:00", "13:00:00", "14:00:00", "15:00:00"], []),
        (Catchup.ALL, 2 * HOUR_SECS, ["14:00:00", "15:00:00"], ["12:00:00", "13:00:00"]),
        (Catchup.ALL, 60.0, [], ["12:00:00", "13:00:00", "14:00:00", "15:00:00"]),
        (Catchup.LATEST, 60.0, [], ["12:00:00", "13:00:00", "14:00:00", "15:00:00"]),
        (Catchup.LATEST, 1800.0, ["15:00:00"], ["12:00:00", "13:00:00", "14:00:00"]),
    ],
)
@pytest.mark.parametrize("rule", [Cron("@hourly"), Every(3600)])
def test_after_three_and_a_half_hours_away(
    rule: Rule, catchup: Catchup, window_secs: float, fire: list[str], missed: list[str]
) -> None:
    done = plan(timing(rule), NOON, clock("15:30:00.0"), catchup, window_secs)
    assert summary(done) == (fire, missed)
    assert (done.missed_more, done.next_fire_at) == (0, clock("16:00:00.0"))


def test_the_newest_instant_is_on_time_for_ten_seconds() -> None:
    hourly = timing(Cron("@hourly"))
    assert plan(hourly, NOON, clock("12:00:10.0"), Catchup.NONE, 0).fire == (NOON,)
    assert plan(hourly, NOON, clock("12:00:10.1"), Catchup.NONE, 0).missed == (NOON,)
    assert plan(hourly, NOON, clock("12:00:10.1"), Catchup.NONE, 0, on_time_secs=60).fire == (NOON,)


@pytest.mark.parametrize(
    ("catchup", "fires"), [(Catchup.LATEST, True), (Catchup.ALL, True), (Catchup.NONE, False)]
)
def test_a_one_shot_long_past_runs_unless_nothing_may_be_caught_up(catchup: Catchup, fires: bool) -> None:
    long_ago = NOON - timedelta(days=400)
    done = plan(timing(Once(long_ago)), long_ago, NOON, catchup, HOUR_SECS)
    expected = ((long_ago,), ()) if fires else ((), (long_ago,))
    assert (done.fire, done.missed) == expected
    assert done.next_fire_at is None


def test_all_runs_only_the_newest_up_to_the_limit() -> None:
    done = plan(timing(Cron("@hourly")), NOON, NOON + timedelta(hours=9), Catchup.ALL, DAY_SECS, limit=4)
    assert summary(done)[0] == ["18:00:00", "19:00:00", "20:00:00", "21:00:00"]
    assert len(done.missed) == 6


def test_no_instant_is_due_after_the_timing_expires() -> None:
    ended = timing(Cron("@hourly"), expires_at=clock("13:30:00.0"))
    done = plan(ended, NOON, clock("15:30:00.0"), Catchup.ALL, DAY_SECS)
    assert summary(done) == (["12:00:00", "13:00:00"], [])
    assert done.next_fire_at is None


def test_a_first_instant_that_the_timing_no_longer_names_is_still_settled() -> None:
    done = plan(timing(Cron("@daily")), clock("12:34:56.0"), clock("12:34:57.0"), Catchup.LATEST, DAY_SECS)
    assert summary(done) == (["12:34:56"], [])
    assert plan(timing(OnDemand()), NOON, NOON, Catchup.LATEST, DAY_SECS) == CatchupPlan((NOON,), (), 0, None)


@pytest.mark.parametrize("rule", [Cron("* * * * * *"), Every(1), Cron("*/7 */3 * * * *")])
@pytest.mark.parametrize("catchup", list(Catchup))
def test_a_year_of_missed_seconds_is_counted_and_not_walked(rule: Rule, catchup: Catchup) -> None:
    every = timing(rule)
    first, now = NOON - timedelta(days=365), NOON + timedelta(milliseconds=300)
    began = perf_counter()
    done = plan(every, first, now, catchup, 3600)
    assert perf_counter() - began < 1
    assert len(done.missed) == MISSED_LISTED
    total = count_fires(every, first - timedelta(seconds=1), now)
    assert len(done.fire) + len(done.missed) + done.missed_more == total
    everything_listed = [*done.missed, *done.fire]
    assert everything_listed == sorted(set(everything_listed))
    assert count_fires(every, everything_listed[0], now) == len(everything_listed) - 1
    assert done.fire[-1] <= now


def test_exactly_as_many_as_can_be_listed_leaves_no_more() -> None:
    every = timing(Every(60))
    first = NOON - timedelta(minutes=MISSED_LISTED)
    done = plan(every, first, NOON, Catchup.LATEST, DAY_SECS)
    assert (len(done.fire), len(done.missed), done.missed_more) == (1, MISSED_LISTED, 0)
    one_longer = plan(every, first - timedelta(minutes=1), NOON, Catchup.LATEST, DAY_SECS)
    assert (len(one_longer.fire), len(one_longer.missed), one_longer.missed_more) == (1, MISSED_LISTED, 1)
