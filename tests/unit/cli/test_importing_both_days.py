"""Days that have to be both of the month and of the week, in a cron expression that is due on either."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_cli.importing.both_days import in_both
from tocsin_controller.scheduling.cron_syntax import parse

START, END = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (2027, 2029))


def due(days: str, weekdays: str) -> set[int]:
    """Two years, one of them a leap year."""
    expression, found = parse(f"0 0 {days} * {weekdays}"), set[int]()
    moment = expression.next_match(START)
    while moment is not None and moment < END:
        found.add(moment)
        moment = expression.next_match(moment + 1)
    return found


@given(
    st.sets(st.integers(1, 5), min_size=1),
    st.sets(st.integers(0, 7), min_size=1),
)
def test_whole_weeks_of_a_month_are_said_exactly(weeks: set[int], of_week: set[int]) -> None:
    days = ",".join(str(day) for week in weeks for day in range(7 * week - 6, min(7 * week, 31) + 1))
    weekdays = ",".join(map(str, of_week))
    assert due(*in_both(days, weekdays)) == due(days, "*") & due("*", weekdays)


@pytest.mark.parametrize(
    ("days", "weekdays", "said"),
    [
        ("1-7", "1", ("*", "1#1")),
        ("1-14", "sat,SUN", ("*", "0#1,6#1,0#2,6#2")),
        ("29-31", "5-7", ("*", "0#5,5#5,6#5")),
        ("*/1", "1-5", ("*", "1-5")),
        ("15", "*/1", ("15", "*")),
        ("15", "0-7", ("15", "*")),
        ("H", "*", ("H", "*")),
        ("*/2", "*", ("*/2", "*")),
    ],
)
def test_what_can_be_said(days: str, weekdays: str, said: tuple[str, str]) -> None:
    assert in_both(days, weekdays) == said


@pytest.mark.parametrize(
    ("days", "weekdays"),
    [
        ("13", "5"),
        ("1-8", "1"),
        ("*/2", "1"),
        ("H", "1"),
        ("1-7", "H"),
        ("L", "1"),
        ("7-1", "1"),
        ("1-7", "x"),
    ],
)
def test_the_rest_is_refused(days: str, weekdays: str) -> None:
    with pytest.raises(ValueError, match="can't be said in cron"):
        in_both(days, weekdays)
