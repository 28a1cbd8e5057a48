"""Our cron against two others: cronsim in UTC, and a search through every minute of a zone's clock."""

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tocsin_controller.scheduling.cron_syntax import parse
from tocsin_controller.scheduling.fires import count_fires, fires_between, newest_fires, next_fire
from tocsin_controller.scheduling.timing import Cron, Timing
from tocsin_controller.scheduling.zones import EPOCH
from tocsin_shared.schedules import Dst

MINUTE = timedelta(minutes=1)
WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]


def plain_items(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    pair = st.tuples(number, number).map(sorted)
    return st.one_of(
        number.map(str),
        pair.map(lambda p: f"{p[0]}-{p[1]}" if p[0] < p[1] else str(p[0])),
        st.tuples(pair, st.integers(1, 9)).map(
            lambda t: f"{t[0][0]}-{t[0][1]}/{t[1]}" if t[0][0] < t[0][1] else str(t[0][0])
        ),
    )


def lists_of(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(items, min_size=1, max_size=3).map(",".join)


def plain_field(low: int, high: int) -> st.SearchStrategy[str]:
    return st.one_of(
        st.just("*"), st.integers(2, high).map(lambda n: f"*/{n}"), lists_of(plain_items(low, high))
    )


days = lists_of(st.one_of(plain_items(1, 31), st.sampled_from(["L", "LW"])))
weekdays = lists_of(
    st.one_of(
        plain_items(0, 6),
        st.just("7"),
        st.sampled_from(WEEKDAYS),
        st.integers(0, 7).map(lambda n: f"{n}L"),
        st.tuples(st.integers(0, 7), st.integers(1, 5)).map(lambda t: f"{t[0]}#{t[1]}"),
    )
)


@st.composite
def shared_expressions(draw: st.DrawFn) -> str:
    """Six fields in the syntax that we and cronsim read alike."""
    day, weekday = draw(
        st.one_of(
            st.tuples(st.just("*"), st.just("*")),
            st.tuples(days, st.just("*")),
            st.tuples(st.just("*"), weekdays),
            st.tuples(days, weekdays),
            st.tuples(st.integers(2, 31).map(lambda n: f"*/{n}"), st.just("*")),
        )
    )
    second, minute = draw(plain_field(0, 59)), draw(plain_field(0, 59))
    hour, month = draw(plain_field(0, 23)), draw(plain_field(1, 12))
    return f"{second} {minute} {hour} {day} {month} {weekday}"


@settings(max_examples=250, deadline=None)
@given(
    shared_expressions(),
    st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - st wants naive
)
def test_fires_in_utc_are_those_of_cronsim(expression: str, after: datetime) -> None:
    assume(parse(expression).is_possible)
    theirs = CronSim(expression, after)
    timing = Timing(rule=Cron(expression), anchor=EPOCH)
    moment = after
    for _ in range(4):
        fire = next_fire(timing, moment)
        expected = next(theirs, None)
        if expected is None:
            assert fire is None or fire.at.year > moment.year + 40
            return
        assert fire is not None
        assert fire.at == expected
        moment = fire.at


def wall_clock_matches(expression: str) -> list[tuple[int, int]]:
    """All (hour, minute) that match, read with cronsim's parser: none of our code takes part."""
    parsed = CronSim(expression, EPOCH)
    return [(hour, minute) for hour in parsed.hours for minute in parsed.minutes]


@cache
def wall_clock(zone: str, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """Every minute in UTC with what the wall clock shows then."""
    instants = [start + i * MINUTE for i in range((end - start) // MINUTE + 1)]
    return [(instant, instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None)) for instant in instants]


def fires_by_search(expression: str, zone: str, dst: Dst, start: datetime, end: datetime) -> list[datetime]:
    """Looks at the wall clock every real minute, as a cron daemon would, and remembers what it has seen."""
    wanted = set(wall_clock_matches(expression))
    minute_field, hour_field = expression.split()[:2]
    is_elapsed = minute_field.startswith("*") or hour_field.startswith("*")
    day_matches = cache(CronSim(expression, EPOCH).match_day)

    def is_due(wall: datetime) -> bool:
        return (wall.hour, wall.minute) in wanted and day_matches(wall.date())

    minutes = wall_clock(zone, start - timedelta(days=2), end)
    seen: set[datetime] = {minutes[0][1]}
    found = []
    for (_, earlier), (instant, wall) in pairwise(minutes):
        is_first = wall not in seen
        seen.add(wall)
        due = is_due(wall) and (is_elapsed or dst is Dst.TWICE or is_first)
        if wall > earlier + MINUTE and not is_elapsed and dst is not Dst.SKIP:
            left_out = (earlier + i * MINUTE for i in range(1, (wall - earlier) // MINUTE))
            due = due or any(is_due(time) for time in left_out)
        if due and start < instant <= end:
            found.append(instant)
    return found


#: Days around which a zone's clocks change: spring, autumn, half hours, midnight, a day left out, Ramadan.
CHANGES = [
    ("Europe/Berlin", "2026-03-29"),
    ("Europe/Berlin", "2026-10-25"),
    ("America/New_York", "2026-03-08"),
    ("America/New_York", "2026-11-01"),
    ("Australia/Lord_Howe", "2026-04-05"),
    ("Australia/Lord_Howe", "2026-10-04"),
    ("Pacific/Apia", "2011-12-30"),
    ("Africa/Casablanca", "2026-02-15"),
    ("Africa/Casablanca", "2026-03-22"),
    ("America/Santiago", "2026-09-06"),
    ("America/Santiago", "2026-04-05"),
    ("Asia/Beirut", "2026-03-29"),
    ("Asia/Beirut", "2026-10-25"),
    ("Asia/Kathmandu", "1986-01-01"),
    ("UTC", "2026-12-31"),
]


@settings(max_examples=200, deadline=None)
@given(
    minute=st.one_of(
        st.just("*"), st.just("*/10"), lists_of(st.sampled_from(["0", "15", "30", "45", "59", "20-40/7"]))
    ),
    hour=st.one_of(
        st.just("*"), st.just("*/2"), lists_of(st.sampled_from(["0", "1", "2", "3", "23", "0-4", "9"]))
    ),
    day=st.sampled_from(["*", "1-31/2", "*/3", "L"]),
    dst=st.sampled_from(list(Dst)),
    change=st.sampled_from(CHANGES),
)
def test_fires_around_clock_changes_are_those_of_a_search_by_minutes(
    minute: str, hour: str, day: str, dst: Dst, change: tuple[str, str]
) -> None:
    zone, date = change
    expression = f"{minute} {hour} {day} * *"
    middle = datetime.fromisoformat(date).replace(tzinfo=UTC)
    start, end = middle - timedelta(days=2), middle + timedelta(days=2)
    timing = Timing(rule=Cron(expression), anchor=EPOCH, timezone=zone, dst=dst)
    expected = fires_by_search(expression, zone, dst, start, end)
    assert fires_between(timing, start, end, 10_000) == expected
    assert count_fires(timing, start, end) == len(expected)
    assert newest_fires(timing, start, end, 7) == expected[-7:]


@settings(max_examples=100, deadline=None)
@given(
    expression=shared_expressions(),
    zone=st.sampled_from(sorted({zone for zone, _ in CHANGES})),
    dst=st.sampled_from(list(Dst)),
    start=st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - st wants naive
    length=st.timedeltas(timedelta(0), timedelta(days=900)),
)
def test_counting_agrees_with_listing(
    expression: str, zone: str, dst: Dst, start: datetime, length: timedelta
) -> None:
    timing = Timing(rule=Cron(expression), anchor=EPOCH, timezone=zone, dst=dst)
    limit = 300
    listed = fires_between(timing, start, start + length, limit)
    assert listed == sorted(set(listed))
    if len(listed) < limit:
        assert count_fires(timing, start, start + length) == len(listed)
    else:
        assert count_fires(timing, start, listed[-1]) == limit


@pytest.mark.parametrize("zone", sorted({zone for zone, _ in CHANGES}))
def test_long_jumps_meet_the_same_fires_as_short_steps(zone: str) -> None:
    """The search for a rare date leaves out whole years; asking from every day in between must agree."""
    timing = Timing(rule=Cron("0 0 2 29 2 *"), anchor=EPOCH, timezone=zone)
    start = datetime(2024, 3, 2, tzinfo=UTC)
    answers = {next_fire(timing, start + timedelta(days=n)) for n in range(0, 1455, 5)}
    assert len(answers) == 1
