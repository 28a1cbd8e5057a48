"""When each kind of timing is due, windows included."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_controller.scheduling.fires import count_fires, fires_between, newest_fires, next_fire
from tocsin_controller.scheduling.timing import Cron, Every, Once, OnDemand, Rule, Timing
from tocsin_controller.scheduling.zones import UnknownZone
from tocsin_shared.schedules import (
    CronSchedule,
    Interval,
    IntervalSchedule,
    OnDemandSchedule,
    OneShotSchedule,
)

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


def timing(
    rule: Rule,
    *,
    anchor: datetime = NOON,
    starts_at: datetime | None = None,
    expires_at: datetime | None = None,
) -> Timing:
    return Timing(rule=rule, anchor=anchor, starts_at=starts_at, expires_at=expires_at)


def due_at(timing: Timing, after: datetime) -> datetime | None:
    fire = next_fire(timing, after)
    return fire.at if fire else None


def test_an_interval_is_counted_from_its_anchor() -> None:
    every = timing(Every(3600))
    assert due_at(every, NOON) == NOON + HOUR
    assert due_at(every, NOON + HOUR - SECOND) == NOON + HOUR
    assert due_at(every, NOON + 100.5 * HOUR) == NOON + 101 * HOUR


def test_an_interval_is_first_due_at_its_anchor_and_never_before() -> None:
    assert due_at(timing(Every(3600)), NOON - 50 * HOUR) == NOON


def test_an_interval_keeps_the_fraction_of_its_anchor() -> None:
    anchor = NOON + timedelta(microseconds=123_456)
    assert due_at(timing(Every(60), anchor=anchor), NOON + HOUR) == anchor + HOUR


@given(
    interval=st.integers(1, 100_000),
    after=st.timedeltas(timedelta(days=-5), timedelta(days=50)),
    length=st.timedeltas(timedelta(0), timedelta(days=2)),
)
def test_an_interval_is_due_on_its_grid_and_nowhere_else(
    interval: int, after: timedelta, length: timedelta
) -> None:
    every = timing(Every(interval))
    fire = due_at(every, NOON + after)
    assert fire is not None
    assert fire > NOON + after
    assert (fire - NOON) % timedelta(seconds=interval) == timedelta(0)
    assert fire == NOON or fire - timedelta(seconds=interval) <= NOON + after
    listed = fires_between(every, NOON + after, NOON + after + length, 50)
    if len(listed) < 50:
        assert count_fires(every, NOON + after, NOON + after + length) == len(listed)


def test_a_one_shot_is_due_once() -> None:
    once = timing(Once(NOON))
    assert due_at(once, NOON - SECOND) == NOON
    assert due_at(once, NOON) is None
    assert count_fires(once, NOON - SECOND, NOON) == 1
    assert count_fires(once, NOON, NOON + HOUR) == 0


def test_on_demand_is_never_due() -> None:
    assert due_at(timing(OnDemand()), NOON) is None
    assert count_fires(timing(OnDemand()), NOON, NOON + HOUR) == 0


@pytest.mark.parametrize("rule", [Cron("@hourly"), Every(3600)])
def test_both_ends_of_the_window_may_be_due(rule: Rule) -> None:
    windowed = timing(rule, starts_at=NOON, expires_at=NOON + 2 * HOUR)
    assert fires_between(windowed, NOON - 10 * HOUR, NOON + 10 * HOUR, 99) == [
        NOON,
        NOON + HOUR,
        NOON + 2 * HOUR,
    ]
    assert count_fires(windowed, NOON - 10 * HOUR, NOON + 10 * HOUR) == 3
    assert due_at(windowed, NOON + 2 * HOUR) is None
    assert newest_fires(windowed, NOON - 10 * HOUR, NOON + 10 * HOUR, 2) == [NOON + HOUR, NOON + 2 * HOUR]


def test_a_window_that_opens_within_a_second_waits_for_the_next_one() -> None:
    windowed = timing(Cron("* * * * * *"), starts_at=NOON + timedelta(microseconds=1))
    assert due_at(windowed, NOON - HOUR) == NOON + SECOND


def test_a_one_shot_outside_the_window_is_not_due() -> None:
    assert due_at(timing(Once(NOON), starts_at=NOON + SECOND), NOON - HOUR) is None
    assert due_at(timing(Once(NOON), expires_at=NOON - SECOND), NOON - HOUR) is None


def test_next_is_strictly_after_a_fraction_of_a_second() -> None:
    every_second = timing(Cron("* * * * * *"))
    assert due_at(every_second, NOON) == NOON + SECOND
    assert due_at(every_second, NOON - timedelta(microseconds=1)) == NOON
    assert due_at(every_second, NOON + timedelta(microseconds=1)) == NOON + SECOND


def test_february_29_is_four_years_apart_and_eight_around_2100() -> None:
    leap_day = timing(Cron("0 0 29 2 *"))
    assert due_at(leap_day, NOON) == datetime(2028, 2, 29, tzinfo=UTC)
    assert due_at(leap_day, datetime(2096, 3, 1, tzinfo=UTC)) == datetime(2104, 2, 29, tzinfo=UTC)


@pytest.mark.parametrize("rule", [Cron("* * * * *"), Cron("0 0 29 2 *"), Every(3600)])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_the_ends_of_the_calendar_are_survived(rule: Rule, zone: str) -> None:
    windowless = Timing(rule=rule, anchor=NOON, timezone=zone)
    assert next_fire(windowless, datetime.max.replace(tzinfo=UTC)) is None
    assert next_fire(windowless, datetime.min.replace(tzinfo=UTC)) is not None
    last_years = datetime(9990, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    assert count_fires(windowless, *last_years) > 0


def test_a_date_that_never_comes_is_never_due() -> None:
    assert due_at(timing(Cron("0 0 30 2 *")), NOON) is None
    assert count_fires(timing(Cron("0 0 30 2 *")), NOON, NOON + 10_000 * HOUR) == 0


def test_an_unknown_zone_is_not_looked_for_in_the_file_system() -> None:
    with pytest.raises(UnknownZone):
        next_fire(Timing(rule=Cron("@daily"), anchor=NOON, timezone="../../etc/passwd"), NOON)


def test_a_timing_is_made_of_what_people_wrote() -> None:
    made = Timing.of(CronSchedule(type="cron", value="@daily"), created_at=NOON, timezone="Europe/Berlin")
    assert made == Timing(rule=Cron("@daily"), anchor=NOON, timezone="Europe/Berlin")
    assert hash(made) == hash(Timing(rule=Cron("@daily"), anchor=NOON, timezone="Europe/Berlin"))
    assert Timing.of(OnDemandSchedule(type="on_demand"), created_at=NOON).rule == OnDemand()
    one_shot = OneShotSchedule.model_validate({"type": "one_shot", "value": "2026-06-01T14:00:00+02:00"})
    assert Timing.of(one_shot, created_at=NOON).rule == Once(NOON)


def test_an_interval_starts_at_starts_at_if_there_is_one() -> None:
    schedule = IntervalSchedule(type="interval", value=Interval(interval_secs=60))
    local_start = (NOON + HOUR).astimezone(timezone(timedelta(hours=5)))
    made = Timing.of(schedule, created_at=NOON, starts_at=local_start)
    assert made.anchor == NOON + HOUR
    assert made.anchor.tzinfo is UTC
    assert due_at(made, NOON) == NOON + HOUR
    assert Timing.of(schedule, created_at=NOON).anchor == NOON
