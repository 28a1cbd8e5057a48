"""Calendar schedules against a search through every day, and the cases that people ask about."""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tocsin_controller.scheduling.checking import check_timing, mistakes
from tocsin_controller.scheduling.fires import count_fires, fires_between, newest_fires, next_fire
from tocsin_controller.scheduling.preview import preview
from tocsin_controller.scheduling.timing import Timing
from tocsin_shared.calendar_schedules import WEEKDAYS, CalendarRule, CalendarSchedule
from tocsin_shared.errors import InvalidInput
from tocsin_shared.schedules import Dst, PreviewRequest

DAY = timedelta(days=1)
START = datetime(2026, 1, 1, tzinfo=UTC)

ANCHORS = [
    "last_day",
    *(f"day_{number}" for number in range(1, 32)),
    *(f"{which}_{weekday}" for which in ("first", "last") for weekday in WEEKDAYS),
]


def timing(timezone: str = "UTC", dst: Dst = Dst.ONCE, **rule: Any) -> Timing:
    schedule = CalendarSchedule(type="calendar", value=CalendarRule(**rule))
    return Timing.of(schedule, created_at=START, timezone=timezone, dst=dst)


def days(count: int, after: datetime = START - timedelta(microseconds=1), **rule: Any) -> list[str]:
    """The next days on which the rule is due."""
    found = fires_between(timing(**rule), after, datetime(2100, 1, 1, tzinfo=UTC), count)
    return [f"{instant:%Y-%m-%d}" for instant in found]


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    rule: dict[str, Any] = {"anchor": draw(st.sampled_from([*ANCHORS, "nth_weekday"]))}
    if rule["anchor"] == "nth_weekday":
        rule |= {"nth": draw(st.integers(1, 5)), "weekday": draw(st.sampled_from(WEEKDAYS))}
    rule["offset_days"] = draw(st.one_of(st.just(0), st.integers(-45, 45), st.integers(-366, 366)))
    rule["months"] = draw(st.lists(st.integers(1, 12), max_size=4))
    rule["skip_weekends"] = draw(st.booleans())
    rule["holidays"] = draw(
        st.lists(st.dates(date(2023, 12, 1), date(2025, 3, 1)), max_size=8)
        | st.builds(lambda d, n: [d + i * DAY for i in range(n)], st.dates(date(2024, 1, 1), date(2025, 1, 1)),
                    st.integers(0, 40))
    )  # fmt: skip
    if rule["skip_weekends"] or rule["holidays"]:
        rule["roll"] = draw(st.sampled_from(["skip", "next", "previous"]))
    rule |= {key: draw(st.integers(0, high)) for key, high in (("hour", 23), ("minute", 59), ("second", 59))}
    return rule


def is_anchor(day: date, rule: dict[str, Any]) -> bool:
    """Says so of any single day, without ever computing one."""
    if rule["months"] and day.month not in rule["months"]:
        return False
    anchor: str = rule["anchor"]
    if anchor == "last_day":
        return (day + DAY).day == 1
    if anchor.startswith("day_"):
        return day.day == int(anchor.removeprefix("day_"))
    if anchor == "nth_weekday":
        return bool(WEEKDAYS[day.weekday()] == rule["weekday"] and (day.day + 6) // 7 == rule["nth"])
    which, weekday = anchor.split("_")
    in_place = day.day <= 7 if which == "first" else day.day + 7 > monthrange(day.year, day.month)[1]
    return WEEKDAYS[day.weekday()] == weekday and in_place


def due_by_search(rule: dict[str, Any], first: date, last: date) -> list[date]:
    """Walks through every day that could be an anchor, then day by day away from days off."""

    def is_off(day: date) -> bool:
        return day in rule["holidays"] or (rule["skip_weekends"] and day.weekday() >= 5)

    due = set()
    day = first - 450 * DAY
    while day <= last + 450 * DAY:
        if is_anchor(day, rule):
            found = day + rule["offset_days"] * DAY
            roll = rule.get("roll", "skip")
            steps = 0
            while is_off(found) and roll != "skip" and steps < 31:
                found += DAY if roll == "next" else -DAY
                steps += 1
            if not is_off(found):
                due.add(found)
        day += DAY
    return sorted(day for day in due if first <= day <= last)


@settings(max_examples=150, deadline=None)
@given(rules(), st.datetimes(datetime(2024, 1, 1), datetime(2024, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001 - st wants naive
def test_due_instants_are_those_of_a_search_through_every_day(rule: dict[str, Any], after: datetime) -> None:
    until = after + 400 * DAY
    at = time(rule["hour"], rule["minute"], rule["second"], tzinfo=UTC)
    searched = due_by_search(rule, after.date() - DAY, until.date() + DAY)
    expected = [due for day in searched if after < (due := datetime.combine(day, at)) <= until]

    calendar = timing(**rule)

    assert fires_between(calendar, after, until, 1000) == expected
    assert count_fires(calendar, after, until) == len(expected)
    assert newest_fires(calendar, after, until, 3) == expected[-3:]


@settings(max_examples=60, deadline=None)
@given(
    rules(),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"]),
    st.sampled_from(list(Dst)),
    st.datetimes(datetime(2011, 1, 1), datetime(2024, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001 - st wants naive
)
def test_the_wall_clock_of_the_zone_counts(
    rule: dict[str, Any], zone: str, dst: Dst, after: datetime
) -> None:
    calendar = timing(zone, dst, **rule)
    fires = [after]
    for _ in range(5):
        fire = next_fire(calendar, fires[-1])
        if fire is None:
            break
        assert fire.at > fires[-1]
        if not fire.notes:
            local = fire.at.astimezone(ZoneInfo(zone))
            assert local.time() == time(rule["hour"], rule["minute"], rule["second"])
            assert local.date() in due_by_search(rule, local.date(), local.date())
        fires.append(fire.at)
    assert count_fires(calendar, after, fires[-1]) == len(fires) - 1


def test_two_days_before_the_end_of_the_month() -> None:
    assert days(3, anchor="last_day", offset_days=-2) == ["2026-01-29", "2026-02-26", "2026-03-29"]


def test_an_offset_leads_over_the_end_of_the_month_and_of_the_year() -> None:
    assert days(3, anchor="last_day", offset_days=1, months=[2, 12]) == [
        "2026-01-01",  # of December 2025
        "2026-03-01",
        "2027-01-01",
    ]


def test_months_that_lack_the_day_are_left_out() -> None:
    assert days(4, anchor="day_31") == ["2026-01-31", "2026-03-31", "2026-05-31", "2026-07-31"]
    assert days(2, anchor="day_29", months=[2]) == ["2028-02-29", "2032-02-29"]


def test_the_second_tuesday_of_every_quarter() -> None:
    quarterly: dict[str, Any] = {
        "anchor": "nth_weekday",
        "nth": 2,
        "weekday": "Tuesday",
        "months": [1, 4, 7, 10],
    }
    assert days(4, **quarterly) == ["2026-01-13", "2026-04-14", "2026-07-14", "2026-10-13"]


def test_the_last_working_day_is_before_a_weekend_and_before_holidays() -> None:
    ultimo: dict[str, Any] = {
        "anchor": "last_day",
        "skip_weekends": True,
        "roll": "previous",
        "holidays": ["2026-12-31"],
    }
    assert days(3, **ultimo) == ["2026-01-30", "2026-02-27", "2026-03-31"]
    assert days(1, datetime(2026, 12, 1, tzinfo=UTC), **ultimo) == ["2026-12-30"]


def test_two_months_that_roll_to_one_day_are_due_once() -> None:
    closed = [date(2026, 1, 31) + i * DAY for i in range(29)]  # the whole of February
    assert days(2, anchor="last_day", roll="next", holidays=closed) == ["2026-03-01", "2026-03-31"]
    assert days(2, anchor="day_1", months=[2, 3], roll="next", holidays=closed) == [
        "2026-03-01",
        "2027-02-01",
    ]


def test_a_second_in_the_job_s_own_zone() -> None:
    calendar = timing("Europe/Berlin", anchor="day_15", hour=9, minute=30, second=15)
    fire = next_fire(calendar, datetime(2026, 7, 1, tzinfo=UTC))
    assert fire is not None
    assert fire.at == datetime(2026, 7, 15, 7, 30, 15, tzinfo=UTC)


def test_a_time_in_the_spring_gap_follows_the_dst_rule() -> None:
    night = {"anchor": "last_sunday", "months": [3], "hour": 2, "minute": 30}
    moved = next_fire(timing("Europe/Berlin", Dst.ONCE, **night), datetime(2026, 3, 1, tzinfo=UTC))
    assert moved is not None
    assert moved.at == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert next_fire(timing("Europe/Berlin", Dst.SKIP, **night), datetime(2026, 3, 1, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ({"anchor": "first_someday"}, "anchor"),
        ({"anchor": "day_32"}, "anchor"),
        ({"anchor": "day_0"}, "anchor"),
        ({"anchor": "nth_weekday", "weekday": "monday"}, "nth"),
        ({"anchor": "nth_weekday", "nth": 2}, "weekday"),
        ({"anchor": "nth_weekday", "nth": 6, "weekday": "monday"}, "nth"),
        ({"anchor": "nth_weekday", "nth": 1, "weekday": "moonday"}, "weekday"),
        ({"anchor": "last_day", "nth": 2}, "nth"),
        ({"anchor": "last_day", "months": [13]}, "months.0"),
        ({"anchor": "last_day", "hour": 24}, "hour"),
        ({"anchor": "last_day", "offset_days": 367}, "offset_days"),
        ({"anchor": "last_day", "holidays": ["2026-02-30"]}, "holidays.0"),
        ({"anchor": "last_day", "holidays": [20261225]}, "holidays.0"),
        ({"anchor": "last_day", "roll": "next"}, "roll"),
    ],
)
def test_contradictions_are_told_by_their_field(rule: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as raised:
        CalendarRule(**rule)
    assert [".".join(map(str, error["loc"])) for error in raised.value.errors()] == [field]


@pytest.mark.parametrize(
    "rule",
    [
        {"anchor": "day_30", "months": [2]},
        {"anchor": "last_saturday", "skip_weekends": True},
        {"anchor": "first_sunday", "offset_days": 7, "skip_weekends": True},
    ],
)
def test_a_schedule_that_is_never_due_is_refused(rule: dict[str, Any]) -> None:
    schedule = CalendarSchedule(type="calendar", value=CalendarRule(**rule))
    assert mistakes(timing(**rule)) == [], "nothing is wrong with its parts"
    with pytest.raises(InvalidInput, match="not due once within 60 years"):
        check_timing(Timing.of(schedule, created_at=START), now=START)


def test_the_preview_tells_why_a_fire_was_moved() -> None:
    request = PreviewRequest.model_validate(
        {
            "schedule": {"type": "calendar", "value": {"anchor": "last_sunday", "hour": 2, "minute": 30}},
            "timezone": "Europe/Berlin",
            "after": "2026-03-01T00:00:00Z",
            "count": 2,
        }
    )
    shown = preview(request, START)
    assert [fire.local for fire in shown.fires] == ["2026-03-29T03:00:00", "2026-04-26T02:30:00"]
    assert "forward" in (shown.fires[0].explanation or "")
