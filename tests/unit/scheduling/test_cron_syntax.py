"""What cron expressions are accepted, what they mean, and where a mistake is said to be."""

from datetime import date, timedelta

import pytest
from croniter import croniter
from hypothesis import given
from hypothesis import strategies as st

from tocsin_controller.scheduling.cron import CronExpression
from tocsin_controller.scheduling.cron_syntax import MACROS, CronError, depends_on_name, parse


def values(bits: int) -> list[int]:
    return [n for n in range(bits.bit_length()) if bits >> n & 1]


def days_in(text: str, year: int, month: int) -> list[int]:
    """The days of a month on which midnight matches."""
    expression = parse(f"0 0 0 {text}")
    start = (date(year, month, 1) - date(1970, 1, 1)) // timedelta(seconds=1)
    length = ((date(year, month, 28) + timedelta(days=4)).replace(day=1) - date(year, month, 1)).days
    return [
        day
        for day in range(1, length + 1)
        if expression.count(start + (day - 1) * 86_400, start + day * 86_400)
    ]


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("7", [7]),
        ("1,3,5", [1, 3, 5]),
        ("10-13", [10, 11, 12, 13]),
        ("10-20/5", [10, 15, 20]),
        ("50/4", [50, 54, 58]),
        ("*/25", [0, 25, 50]),
        ("*/99", [0]),
        ("59/15", [59]),
        ("57-2", [0, 1, 2, 57, 58, 59]),
        ("55-5/4", [3, 55, 59]),
        ("1-4/2,30,58-0", [0, 1, 3, 30, 58, 59]),
    ],
)
def test_minutes_are_read(field: str, expected: list[int]) -> None:
    assert values(parse(f"0 {field} * * * *").minutes) == expected


def test_equal_ends_name_one_value_where_croniter_takes_the_whole_field() -> None:
    assert croniter.expand("5-5 * * * *")[0][0] == ["*"]
    assert values(parse("5-5 * * * *").minutes) == [5]


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("0", [0]),
        ("7", [0]),
        ("7-7", [0]),
        ("SUN-SUN", [0]),
        ("0-7", [0, 1, 2, 3, 4, 5, 6]),
        ("1-7", [0, 1, 2, 3, 4, 5, 6]),
        ("5-7", [0, 5, 6]),
        ("7-2", [0, 1, 2]),
        ("mon-FRI", [1, 2, 3, 4, 5]),
        ("FRI-MON", [0, 1, 5, 6]),
        ("1-7/2", [0, 1, 3, 5]),
        ("0-7/7", [0]),
        ("*/2", [0, 2, 4, 6]),
        ("7/2", [0, 2, 4, 6]),
        ("6/2", [6]),
        ("1/2", [1, 3, 5]),
        ("Sat,Sun", [0, 6]),
    ],
)
def test_weekdays_are_read_with_sunday_as_0_or_7(field: str, expected: list[int]) -> None:
    assert values(parse(f"0 0 0 * * {field}").day_rule.weekdays) == expected


def test_a_wrapping_range_keeps_its_step_across_the_end() -> None:
    assert croniter.expand("0 0 * * 6-1/2")[0][4] == [6], "croniter loses Monday"
    assert values(parse("0 0 0 * * 6-1/2").day_rule.weekdays) == [1, 6]
    assert values(parse("0 0 0 * 4-2/5 *").months) == [2, 4, 9]
    assert values(parse("0 0 0 * APR-JAN/3 *").months) == [1, 4, 7, 10]


@pytest.mark.parametrize(
    ("days", "year", "month", "expected"),
    [
        ("L * *", 2024, 2, [29]),
        ("L * *", 2026, 2, [28]),
        ("1,L,15 * *", 2026, 4, [1, 15, 30]),
        ("LW * *", 2026, 5, [29]),  # the 31st is a Sunday
        ("LW * *", 2026, 1, [30]),  # the 31st is a Saturday
        ("lw,10 * ?", 2026, 6, [10, 30]),
        ("15W * *", 2026, 8, [14]),  # a Saturday
        ("15W * *", 2026, 11, [16]),  # a Sunday
        ("15W * *", 2026, 7, [15]),
        ("1W * *", 2026, 8, [3]),  # Saturday the 1st must not leave the month
        ("31W * *", 2026, 5, [29]),  # nor must Sunday the 31st
        ("31W * *", 2026, 4, []),
        ("10,20W * *", 2026, 6, [10, 19]),
        ("* * 5L", 2026, 5, [29]),
        ("* * L5", 2026, 5, [29]),
        ("* * FRIL", 2026, 5, [29]),
        ("? * 7L", 2026, 5, [31]),
        ("* * 5#2", 2026, 5, [8]),
        ("* * FRI#5", 2026, 5, [29]),
        ("* * FRI#5", 2026, 6, []),
        ("* * MON-WED#1", 2026, 6, [1, 2, 3]),
        ("* * 1#1,5", 2026, 6, [1, 5, 12, 19, 26]),
        ("29 2 *", 2028, 2, [29]),
        ("30 2 1#1", 2026, 2, [2]),  # only the weekday can match
        ("13 * 5", 2026, 11, [6, 13, 20, 27]),
        ("8-9 * 0#2", 2026, 5, [8, 9, 10]),  # croniter takes this as "both"
        ("? * 1", 2026, 6, [1, 8, 15, 22, 29]),
        ("1 * ?", 2026, 6, [1]),
        ("*/10 * 1", 2026, 6, [1, 8, 11, 15, 21, 22, 29]),
        ("*/1 * 1", 2026, 6, list(range(1, 31))),  # a restricted field, as in Kronforce
    ],
)
def test_days_are_read(days: str, year: int, month: int, expected: list[int]) -> None:
    assert days_in(days, year, month) == expected


def test_five_fields_mean_second_zero() -> None:
    assert parse("30 8 * * 1-5") == parse("0 30 8 * * 1-5")


def test_blanks_around_and_between_fields_do_not_matter() -> None:
    assert parse("  30\t8 *  * 1-5\n") == parse("30 8 * * 1-5")


@pytest.mark.parametrize(("macro", "meaning"), MACROS.items())
def test_macros_stand_for_expressions(macro: str, meaning: str) -> None:
    assert parse(f" {macro.title()} ") == parse(meaning)


def test_names_are_read_in_any_case() -> None:
    assert parse("0 0 1 jan,Feb,MAR mon") == parse("0 0 1 1-3 1")


def test_a_parsed_expression_is_kept() -> None:
    assert parse("1 2 3 4 5 6") is parse("1 2 3 4 5 6")


UNREADABLE = "is not a value, range or step"
RANDOM = "is a random value, drawn anew each time; use H for one that stays"
MISPLACED = "is not allowed, `?` stands alone and only for the day of month or of week"
NO_WEEKDAY = "is none of SUN, MON, TUE, WED, THU, FRI, SAT"
NO_MONTH = "is none of JAN, FEB, MAR, APR, MAY, JUN, JUL, AUG, SEP, OCT, NOV, DEC"
NO_MACRO = "is none of the macros @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly"
TOO_MANY = "is one field too many, six end with the day of week (years are not supported)"


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ("0 30 25 * * *", "hour (field 3, column 6)", "'25' is outside 0-23"),
        ("30 25 * * *", "hour (field 2, column 4)", "'25' is outside 0-23"),
        ("60 * * * *", "minute (field 1, column 1)", "'60' is outside 0-59"),
        ("0 0 0 1,15,32 * *", "day of month (field 4, column 12)", "'32' is outside 1-31"),
        ("0 0 0 0 * *", "day of month (field 4, column 7)", "'0' is outside 1-31"),
        ("0 0 0 0-5 * *", "day of month (field 4, column 7)", "'0' is outside 1-31"),
        ("0 0 0 32W * *", "day of month (field 4, column 7)", "'32' is outside 1-31"),
        ("0 0 0 1 1-13 *", "month (field 5, column 11)", "'13' is outside 1-12"),
        ("0 0 0 1 0 *", "month (field 5, column 9)", "'0' is outside 1-12"),
        ("0 0 0 * * 8", "day of week (field 6, column 11)", "'8' is outside 0-7"),
        ("0 0 0 * * MON,8L", "day of week (field 6, column 15)", "'8' is outside 0-7"),
        ("0 0 0 * * MON#6", "day of week (field 6, column 15)", "'6' is not an occurrence from 1 to 5"),
        ("0 0 0 * * MON#0", "day of week (field 6, column 15)", "'0' is not an occurrence from 1 to 5"),
        ("0 */0 * * * *", "minute (field 2, column 5)", "the step of '*/0' is zero"),
        ("0  0   x * * *", "hour (field 3, column 8)", f"'x' {UNREADABLE}"),
        ("0 5- * * * *", "minute (field 2, column 3)", f"'5-' {UNREADABLE}"),
        ("0 -5 * * * *", "minute (field 2, column 3)", f"'-5' {UNREADABLE}"),
        ("0 1-5/2/3 * * * *", "minute (field 2, column 3)", f"'1-5/2/3' {UNREADABLE}"),
        ("0 *-5 * * * *", "minute (field 2, column 3)", f"'*-5' {UNREADABLE}"),
        ("0 ** * * * *", "minute (field 2, column 3)", f"'**' {UNREADABLE}"),
        ("0 1.5 * * * *", "minute (field 2, column 3)", f"'1.5' {UNREADABLE}"),
        ("0 \u0663 * * * *", "minute (field 2, column 3)", f"'\u0663' {UNREADABLE}"),
        ("*\u00a0* * * * *", "minute (field 1, column 1)", f"'*\u00a0*' {UNREADABLE}"),
        ("0 0 0 L-3 * *", "day of month (field 4, column 7)", f"'L' {UNREADABLE}"),
        ("0 0 0 * Foo *", "month (field 5, column 9)", f"'Foo' {NO_MONTH}"),
        ("0 0 0 * * L", "day of week (field 6, column 11)", f"'L' {NO_WEEKDAY}"),
        ("0 0 0 * * \u017fun", "day of week (field 6, column 11)", f"'\u017fun' {NO_WEEKDAY}"),
        ("0 1,,2 * * * *", "minute (field 2, column 5)", "there is nothing between the commas"),
        ("0 1, * * * *", "minute (field 2, column 5)", "there is nothing between the commas"),
        ("0 ? * * * *", "minute (field 2, column 3)", f"'?' {MISPLACED}"),
        ("0 0 0 1,? * *", "day of month (field 4, column 9)", f"'?' {MISPLACED}"),
        ("0 H(0-60) * * * *", "minute (field 2, column 7)", "'60' is outside 0-59"),
        ("0 H(9-8) * * * *", "minute (field 2, column 3)", "'H(9-8)' ends before it begins"),
        ("0 H/61 * * * *", "minute (field 2, column 5)", "the step of 'H/61' is not from 1 to 60"),
        ("0 H(0-9)/0 * * * *", "minute (field 2, column 10)", "the step of 'H(0-9)/0' is not from 1 to 10"),
        ("0 H-5 * * * *", "minute (field 2, column 3)", f"'H' {UNREADABLE}"),
        ("0 R * * * *", "minute (field 2, column 3)", f"'R' {RANDOM}"),
        ("", "column 1", "the expression is empty"),
        ("   ", "column 1", "the expression is empty"),
        ("* * * *", "column 8", "'* * * *' has 4 of the five or six fields that are needed"),
        ("0 0 12 * * ? 2030", "column 14", f"'2030' {TOO_MANY}"),
        ("@reboot", "column 1", f"'@reboot' {NO_MACRO}"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, place: str, reason: str) -> None:
    with pytest.raises(CronError) as caught:
        parse(text)
    assert str(caught.value) == f"{place}: {reason}"


def test_a_mistake_carries_its_place_as_numbers() -> None:
    with pytest.raises(CronError) as caught:
        parse("0 30 25 * * *")
    assert (caught.value.field_number, caught.value.column) == (3, 6)


@pytest.mark.parametrize("text", ["9" * 5000, "*/" + "9" * 5000, "1," * 2000, "@" * 5000, "A" * 5000])
def test_enormous_fields_are_refused_shortly(text: str) -> None:
    with pytest.raises(CronError) as caught:
        parse(f"0 {text} * * * *")
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("text", ["0 0 30 2 *", "0 0 31 2,4,6,9,11 *", "0 0 31W 4 *", "0 0 30,31 feb ?"])
def test_dates_that_never_come_are_known(text: str) -> None:
    expression = parse(text)
    assert not expression.is_possible
    assert expression.next_match(0) is None


@pytest.mark.parametrize("text", ["0 0 29 2 *", "0 0 30 2 MON", "0 0 * 2 5#5", "0 0 31 4 5L"])
def test_rare_dates_do_come(text: str) -> None:
    expression: CronExpression = parse(text)
    assert expression.is_possible
    assert expression.next_match(0) is not None


@pytest.mark.parametrize(
    ("text", "is_elapsed"),
    [
        ("0 30 2 * * *", False),
        ("0 0,30 2-4 * * *", False),
        ("* 30 2 * * *", False),
        ("0 0 * * * *", True),
        ("0 */10 2 * * *", True),
        ("0 0 */2 * * *", True),
        ("0 0 0-23 * * *", True),
        ("0 0-59 2 * * *", True),
        ("@daily", False),
        ("@hourly", True),
    ],
)
def test_schedules_with_an_open_hour_or_minute_follow_elapsed_time(text: str, is_elapsed: bool) -> None:
    assert parse(text).is_elapsed is is_elapsed


@given(st.text(min_size=1, max_size=20))
def test_a_hashed_value_is_in_its_range_and_always_the_same(name: str) -> None:
    parsed = parse("H(10-19) H/15 H(9-17)/4 H H H", name)
    assert parsed == parse.__wrapped__("H(10-19) H/15 H(9-17)/4 H H H", name)
    (second,) = values(parsed.seconds)
    assert 10 <= second <= 19
    minutes = values(parsed.minutes)
    assert minutes == [minutes[0] + 15 * n for n in range(4)]
    assert minutes[0] < 15
    hours = values(parsed.hours)
    assert hours == list(range(hours[0], 18, 4))
    assert 9 <= hours[0] < 13
    (day,) = (value for value in range(32) if parsed.day_rule.days >> value & 1)
    assert 1 <= day <= 28
    assert 1 <= parsed.months.bit_length() - 1 <= 12
    assert 0 <= parsed.day_rule.weekdays.bit_length() - 1 <= 6


def test_jobs_spread_over_the_hour() -> None:
    minutes = [values(parse("0 H * * * *", f"job-{number}").minutes)[0] for number in range(600)]
    assert len(set(minutes)) == 60
    assert max(minutes.count(minute) for minute in set(minutes)) < 30


def test_a_tilde_has_the_value_that_dkron_gives_it() -> None:
    assert values(parse("0 0 ~ * * *", "test_job").hours) == [18]
    assert parse("0 0 1 * ~ *", "test_job").months == 1 << 7
    assert values(parse("0 ~/15 * * * *", "test_job").minutes) == [3, 18, 33, 48]


def test_only_hashed_values_depend_on_the_name() -> None:
    assert not depends_on_name("0 0 12 * MAR THU")
    assert depends_on_name("0 0 H * MAR THU")
    assert depends_on_name("5,H(30-40) 12 * * *")
    assert depends_on_name("~ 12 * * *")
