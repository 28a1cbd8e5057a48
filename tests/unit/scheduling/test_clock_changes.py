"""What happens to cron schedules when the clocks change: each promised case with its instants."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from tocsin_controller.scheduling.fires import Fire, fires_between, next_fire
from tocsin_controller.scheduling.timing import Cron, Timing
from tocsin_controller.scheduling.zones import EPOCH
from tocsin_shared.schedules import Dst, FireNote


def cron(expression: str, zone: str, dst: Dst = Dst.ONCE) -> Timing:
    return Timing(rule=Cron(expression), anchor=EPOCH, timezone=zone, dst=dst)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def fires_on(timing: Timing, start: str, hours: int = 24) -> list[str]:
    """The fires in some hours from `start` on, as minutes of UTC."""
    first = at(start) - timedelta(microseconds=1)
    found = fires_between(timing, first, at(start) + timedelta(hours=hours, microseconds=-1), 1000)
    return [f"{fire:%m-%d %H:%M}" for fire in found]


@pytest.mark.parametrize(
    ("dst", "expected"),
    [(Dst.ONCE, ["03-29 01:00"]), (Dst.TWICE, ["03-29 01:00"]), (Dst.SKIP, [])],
)
def test_a_time_in_the_berlin_spring_gap_runs_right_after_it_unless_skipped(
    dst: Dst, expected: list[str]
) -> None:
    assert fires_on(cron("30 2 * * *", "Europe/Berlin", dst), "2026-03-29T00:00+01:00", 23) == expected


@pytest.mark.parametrize(
    ("dst", "expected"),
    [
        (Dst.ONCE, ["10-25 00:30"]),
        (Dst.SKIP, ["10-25 00:30"]),
        (Dst.TWICE, ["10-25 00:30", "10-25 01:30"]),
    ],
)
def test_a_repeated_berlin_time_runs_once_unless_twice_is_asked_for(dst: Dst, expected: list[str]) -> None:
    assert fires_on(cron("30 2 * * *", "Europe/Berlin", dst), "2026-10-25T00:00+02:00", 25) == expected


def test_lord_howe_repeats_half_an_hour() -> None:
    timing = cron("45 1 * * *", "Australia/Lord_Howe", Dst.TWICE)
    assert fires_on(timing, "2026-04-04T13:00Z") == ["04-04 14:45", "04-04 15:15"]
    assert fires_on(cron("45 1 * * *", "Australia/Lord_Howe"), "2026-04-04T13:00Z") == ["04-04 14:45"]


def test_lord_howe_leaves_out_half_an_hour() -> None:
    timing = cron("0,15,30 2 * * *", "Australia/Lord_Howe")
    assert fires_on(timing, "2026-10-03T13:00Z") == ["10-03 15:30"], "02:00, 02:15 and 02:30 meet at 02:30"


def test_a_day_that_apia_leaves_out_runs_as_the_next_begins() -> None:
    timing = cron("0 9 * * *", "Pacific/Apia")
    fires = fires_on(timing, "2011-12-29T00:00-10:00", 48)
    assert fires == ["12-29 19:00", "12-30 10:00", "12-30 19:00"]
    skipping = cron("0 9 * * *", "Pacific/Apia", Dst.SKIP)
    assert fires_on(skipping, "2011-12-29T00:00-10:00", 48) == ["12-29 19:00", "12-30 19:00"]


def test_a_date_that_apia_leaves_out_is_not_lost() -> None:
    assert next_fire(cron("0 9 30 12 *", "Pacific/Apia"), at("2011-12-01T00:00Z")) == Fire(
        at("2011-12-30T10:00Z"), (FireNote.DST_GAP,)
    )
    following = next_fire(cron("0 9 30 12 *", "Pacific/Apia", Dst.SKIP), at("2011-12-01T00:00Z"))
    assert following == Fire(at("2012-12-29T19:00Z"))


def test_new_york_changes_at_two() -> None:
    timing = cron("30 1,2 * * *", "America/New_York")
    assert fires_on(timing, "2026-03-08T00:00-05:00", 23) == ["03-08 06:30", "03-08 07:00"]
    assert fires_on(timing, "2026-11-01T00:00-04:00", 25) == ["11-01 05:30", "11-01 07:30"]


def test_casablanca_changes_around_ramadan() -> None:
    timing = cron("30 2 * * *", "Africa/Casablanca")
    assert fires_on(timing, "2026-02-15T00:00+01:00", 25) == ["02-15 01:30"]
    assert fires_on(timing, "2026-03-22T00:00+00:00", 23) == ["03-22 02:00"]


@pytest.mark.parametrize(
    ("zone", "day", "expected"),
    [
        ("America/Santiago", "2026-09-06T03:00Z", "09-06 04:00"),
        ("Asia/Beirut", "2026-03-28T21:00Z", "03-28 22:00"),
    ],
)
def test_a_midnight_that_does_not_exist_runs_at_one(zone: str, day: str, expected: str) -> None:
    assert fires_on(cron("@daily", zone), day, 22) == [expected]


def test_midnight_before_a_repeated_hour_runs_once() -> None:
    """Beirut turns 00:00 back to 23:00 of the day before: midnight comes once, half past eleven twice."""
    assert fires_on(cron("@daily", "Asia/Beirut"), "2026-10-24T12:00Z") == ["10-24 22:00"]
    assert fires_on(cron("30 23 * * *", "Asia/Beirut"), "2026-10-24T12:00Z") == ["10-24 20:30"]
    twice = cron("30 23 * * *", "Asia/Beirut", Dst.TWICE)
    assert fires_on(twice, "2026-10-24T12:00Z") == ["10-24 20:30", "10-24 21:30"]


def test_several_times_in_one_gap_and_one_at_its_end_are_one_fire() -> None:
    timing = cron("0,15,30,45 2,3 * * *", "Europe/Berlin")
    fires = fires_on(timing, "2026-03-29T00:00+01:00", 23)
    assert fires == ["03-29 01:00", "03-29 01:15", "03-29 01:30", "03-29 01:45"]


@pytest.mark.parametrize("dst", list(Dst))
def test_every_ten_minutes_stays_every_ten_real_minutes(dst: Dst) -> None:
    timing = cron("*/10 * * * *", "Europe/Berlin", dst)
    for start, hours in (("2026-10-25T00:00+02:00", 25), ("2026-03-29T00:00+01:00", 23)):
        found = fires_between(timing, at(start), at(start) + timedelta(hours=hours), 1000)
        assert len(found) == hours * 6
        assert {later - earlier for earlier, later in pairwise(found)} == {timedelta(minutes=10)}


def test_an_hourly_job_is_not_made_up_for_in_the_gap() -> None:
    timing = cron("@hourly", "Europe/Berlin")
    assert fires_on(timing, "2026-03-29T01:00+01:00", 3) == ["03-29 00:00", "03-29 01:00", "03-29 02:00"]


def test_fires_that_a_change_touches_say_so() -> None:
    timing = cron("30 2 * * *", "Europe/Berlin", Dst.TWICE)
    spring = next_fire(timing, at("2026-03-28T12:00Z"))
    assert spring == Fire(at("2026-03-29T01:00Z"), (FireNote.DST_GAP,))
    first = next_fire(timing, at("2026-10-24T12:00Z"))
    assert first == Fire(at("2026-10-25T00:30Z"), (FireNote.DST_FIRST,))
    second = next_fire(timing, at("2026-10-25T00:30Z"))
    assert second == Fire(at("2026-10-25T01:30Z"), (FireNote.DST_SECOND,))
    assert next_fire(timing, at("2026-10-25T01:30Z")) == Fire(at("2026-10-26T01:30Z"))


def test_a_monthly_time_meets_its_repetition_although_the_next_date_is_far_away() -> None:
    timing = cron("30 2 25 10 *", "Europe/Berlin", Dst.TWICE)
    second = next_fire(timing, at("2026-10-25T00:45Z"))
    assert second is not None
    assert second.at == at("2026-10-25T01:30Z")


def test_asking_at_the_very_end_of_the_gap_still_finds_its_fire() -> None:
    timing = cron("30 2 * * *", "Europe/Berlin")
    end_of_gap = at("2026-03-29T01:00Z")
    just_before = next_fire(timing, end_of_gap - timedelta(microseconds=1))
    assert just_before is not None
    assert just_before.at == end_of_gap
    after = next_fire(timing, end_of_gap)
    assert after is not None
    assert after.at == at("2026-03-30T00:30Z")
