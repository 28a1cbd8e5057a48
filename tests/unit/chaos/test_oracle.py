"""The oracle knows the hard cases of the calendar, and agrees with another implementation on the easy ones."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cronsim import CronSim
from tests.chaos.history import SECOND_NS
from tests.chaos.oracle import due_instants


def ns(moment: datetime) -> int:
    return round(moment.timestamp()) * SECOND_NS


def cron(expression: str, **more: str) -> dict[str, Any]:
    return {"schedule": {"type": "cron", "value": expression}} | more


def due(definition: dict[str, Any], start: datetime, hours: float) -> list[str]:
    instants = due_instants(definition, ns(start) - 1, ns(start + timedelta(hours=hours)))
    return [datetime.fromtimestamp(i / SECOND_NS, UTC).strftime("%H:%M:%S") for i in instants]


@pytest.mark.parametrize(("dst", "expected"), [("once", ["01:00:00"]), ("skip", []), ("twice", ["01:00:00"])])
def test_a_fixed_time_in_the_spring_gap(dst: str, expected: list[str]) -> None:
    definition = cron("0 30 2 * * *", timezone="Europe/Berlin", dst=dst)
    assert due(definition, datetime(2026, 3, 29, 0, tzinfo=UTC), 4) == expected


@pytest.mark.parametrize(
    ("dst", "expected"), [("once", ["00:30:00"]), ("skip", ["00:30:00"]), ("twice", ["00:30:00", "01:30:00"])]
)
def test_a_fixed_time_that_comes_twice_in_autumn(dst: str, expected: list[str]) -> None:
    definition = cron("0 30 2 * * *", timezone="Europe/Berlin", dst=dst)
    assert due(definition, datetime(2026, 10, 25, 0, tzinfo=UTC), 4) == expected


def test_elapsed_time_goes_on_through_both() -> None:
    definition = cron("0 */30 * * * *", timezone="Europe/Berlin")
    for day in (datetime(2026, 3, 29, 0, tzinfo=UTC), datetime(2026, 10, 25, 0, tzinfo=UTC)):
        assert due(definition, day, 2) == ["00:00:00", "00:30:00", "01:00:00", "01:30:00"]


def test_half_an_hour_back_on_lord_howe() -> None:
    definition = cron("0 45 1 * * *", timezone="Australia/Lord_Howe", dst="twice")
    assert due(definition, datetime(2026, 4, 4, 14, tzinfo=UTC), 2) == ["14:45:00", "15:15:00"]


@pytest.mark.parametrize("expression", ["*/7 * * * *", "5,35 3-5 * * *", "0 0 13 * 5", "10 */2 1-9/3 * *"])
def test_another_implementation_says_the_same(expression: str) -> None:
    start = datetime(2026, 11, 11, 23, tzinfo=UTC)
    other = CronSim(expression, start)
    expected = []
    while (moment := next(other)) < start + timedelta(hours=55):
        expected.append(ns(moment))
    assert due_instants(cron(expression), ns(start), ns(start + timedelta(hours=55))) == expected


def test_intervals_are_counted_from_their_start() -> None:
    definition = {
        "schedule": {"type": "interval", "value": {"interval_secs": 40}},
        "starts_at": "2026-11-11T00:00:10Z",
        "expires_at": "2026-11-11T00:01:30Z",
    }
    assert due(definition, datetime(2026, 11, 11, tzinfo=UTC), 1) == ["00:00:10", "00:00:50", "00:01:30"]


def test_once_is_once() -> None:
    definition = {"schedule": {"type": "one_shot", "value": "2026-11-11T00:00:10Z"}}
    assert due(definition, datetime(2026, 11, 11, tzinfo=UTC), 1) == ["00:00:10"]
    assert due(definition, datetime(2026, 11, 11, 1, tzinfo=UTC), 1) == []
