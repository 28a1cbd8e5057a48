"""The instants of a daily deadline, over clock changes too."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_controller.scheduling.alerts.deadlines import (
    deadline_after,
    deadline_before,
    instant_of,
    next_deadline,
)
from tocsin_shared.jobs import JobDefinition

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia")

times_of_day = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
seconds = st.integers(1_100_000_000, 2_050_000_000)
instants = seconds.map(lambda secs: datetime.fromtimestamp(secs, UTC))


def job(**more: Any) -> JobDefinition:
    return JobDefinition.model_validate(
        {"name": "j", "task": {"type": "noop"}, "schedule": {"type": "on_demand"}, **more}
    )


@pytest.mark.parametrize(
    ("day", "time_of_day", "expected"),
    [
        (
            date(2026, 3, 29),
            "02:30",
            datetime(2026, 3, 29, 1, 0, tzinfo=UTC),
        ),  # skipped: when the clock changes
        (date(2026, 10, 25), "02:30", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # twice: the first
        (date(2026, 7, 1), "06:00", datetime(2026, 7, 1, 4, 0, tzinfo=UTC)),
    ],
)
def test_clock_changes(day: date, time_of_day: str, expected: datetime) -> None:
    assert instant_of(time_of_day, "Europe/Berlin", day) == expected


@given(times_of_day, st.sampled_from(ZONES), instants)
def test_deadlines_come_once_a_day_and_follow_each_other(
    time_of_day: str, zone: str, after: datetime
) -> None:
    following = deadline_after(time_of_day, zone, after)
    assert after < following <= after + timedelta(hours=50)
    assert deadline_before(time_of_day, zone, following) <= after
    later = deadline_after(time_of_day, zone, following)
    local_days = [moment.astimezone(ZoneInfo(zone)).date() for moment in (following, later)]
    assert local_days[0] < local_days[1]
    assert deadline_before(time_of_day, zone, later) == following


def test_a_warning_comes_before_its_deadline() -> None:
    definition = job(sla_deadline="06:00", sla_warning_mins=15)
    first = next_deadline(definition, datetime(2026, 1, 1, 5, 0, tzinfo=UTC))
    assert first is not None
    assert (first.due_at, first.at) == (
        datetime(2026, 1, 1, 5, 45, tzinfo=UTC),
        datetime(2026, 1, 1, 6, 0, tzinfo=UTC),
    )
    assert next_deadline(definition, first.due_at) == (first.at, first.at)
    after = next_deadline(definition, first.at)
    assert after is not None
    assert after.due_at == datetime(2026, 1, 2, 5, 45, tzinfo=UTC)


def test_a_job_without_a_deadline_has_none() -> None:
    assert next_deadline(job(), datetime(2026, 1, 1, tzinfo=UTC)) is None
    assert job(sla_deadline="").sla_deadline is None
