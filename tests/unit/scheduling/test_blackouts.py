"""Blackouts: against a search minute by minute, and the cases that people ask about."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tocsin_controller.scheduling.blackouts import UnreadableCalendar, stretch_around
from tocsin_controller.scheduling.deciding import Decision, decide, depends_on_the_moment
from tocsin_controller.scheduling.fires import fires_between, next_fire
from tocsin_controller.scheduling.holiday_sets import mistake_in
from tocsin_controller.scheduling.named_calendars import NamedCalendar, calendar_of
from tocsin_controller.scheduling.timing import timing_of
from tocsin_controller.store.launching import Timer
from tocsin_shared.calendars import Blackout, CalendarSpec, Window
from tocsin_shared.executions import RunStatus
from tocsin_shared.ids import new_id
from tocsin_shared.jobs import JobDefinition

DUE = datetime(2026, 3, 6, 18, 0, tzinfo=UTC)  # a Friday
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def calendar(**spec: Any) -> NamedCalendar:
    return calendar_of("freeze", CalendarSpec.model_validate(spec))


def job(**more: Any) -> JobDefinition:
    every_hour = {"type": "cron", "value": "0 0 * * * *"}
    return JobDefinition.model_validate(
        {
            "name": "j",
            "task": {"type": "noop"},
            "schedule": every_hour,
            "target": {"type": "any"},
            "blackouts": ["freeze"],
        }
        | more
    )


def decided(
    definition: JobDefinition, shared: NamedCalendar, *, due: datetime = DUE, late: timedelta = MINUTE * 0
) -> Decision:
    calendars = {"freeze": shared}
    timing = timing_of(definition, DUE, calendars)
    return decide(Timer(new_id(), 1, due, DUE, due + late), definition, timing, calendars=calendars)


def once(begin: datetime, end: datetime, policy: str) -> dict[str, Any]:
    return {"starts_at": begin.isoformat(), "ends_at": end.isoformat(), "policy": policy}


def test_what_is_due_in_a_window_is_skipped_and_says_why() -> None:
    freeze = {**once(DUE, DUE + HOUR, "skip"), "note": "quarter's end"}
    (run,) = decided(job(), calendar(windows=[freeze])).runs
    assert (run.status, run.reason, run.scheduled_for) == (RunStatus.SKIPPED, "blackout", DUE)
    assert "'freeze' (quarter's end)" in (run.message or "")
    (after,) = decided(job(), calendar(windows=[freeze]), due=DUE + HOUR).runs
    assert after.status is RunStatus.PENDING, "the end is outside"


def test_the_first_occurrence_waits_for_the_end_and_later_ones_are_skipped() -> None:
    shared = calendar(windows=[{"cron": "0 18 * * FRI", "duration_secs": 3 * 3600, "policy": "defer"}])
    (first,) = decided(job(), shared).runs
    assert (first.status, first.reason) == (RunStatus.PENDING, "blackout")
    assert (first.scheduled_for, first.ready_at) == (DUE, DUE + 3 * HOUR)
    (second,) = decided(job(), shared, due=DUE + HOUR).runs
    assert (second.status, second.reason) == (RunStatus.SKIPPED, "blackout")
    assert "an earlier occurrence waits" in (second.message or "")
    (free,) = decided(job(), shared, due=DUE + 3 * HOUR).runs
    assert (free.status, free.ready_at) == (RunStatus.PENDING, None)


def test_windows_that_touch_are_one_stretch_and_skip_wins() -> None:
    two = [once(DUE, DUE + HOUR, "defer"), once(DUE + HOUR, DUE + 2 * HOUR, "defer")]
    (run,) = decided(job(), calendar(windows=two)).runs
    assert run.ready_at == DUE + 2 * HOUR
    (run,) = decided(job(), calendar(windows=[*two, once(DUE - HOUR, DUE + MINUTE, "skip")])).runs
    assert run.status is RunStatus.SKIPPED


def test_what_is_caught_up_late_does_not_run_in_a_window_either() -> None:
    shared = calendar(windows=[once(DUE + 2 * MINUTE, DUE + HOUR, "skip")])
    (run,) = decided(job(catchup_window_secs=3600), shared, late=5 * MINUTE).runs
    assert (run.status, run.reason) == (RunStatus.SKIPPED, "blackout")


def test_days_off_are_whole_days_on_the_job_s_clock() -> None:
    shared = calendar(dates=["2026-03-07"])
    tokyo = job(timezone="Asia/Tokyo")
    assert [run.reason for run in decided(tokyo, shared).runs] == ["blackout"], "it is Saturday there"
    assert [run.reason for run in decided(job(), shared).runs] == [None]


def test_public_holidays_are_days_off() -> None:
    bavaria = calendar(holidays=[{"country": "DE", "subdivision": "BY"}])
    monthly = {"type": "calendar", "value": {"anchor": "day_6", "calendars": ["freeze"], "roll": "next"}}
    timing = timing_of(job(schedule=monthly), DUE, {"freeze": bavaria})
    found = fires_between(timing, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 28, tzinfo=UTC), 5)
    assert [f"{at:%m-%d}" for at in found] == ["01-07", "02-06"], "Epiphany is a holiday in Bavaria"


def test_an_instant_that_a_changed_calendar_took_away_does_not_run() -> None:
    monthly = job(
        schedule={"type": "calendar", "value": {"anchor": "day_6", "hour": 18, "calendars": ["freeze"]}}
    )
    decision = decided(monthly, calendar(dates=["2026-03-06"]))
    assert decision.runs == []
    assert decision.next_fire_at == datetime(2026, 4, 6, 18, tzinfo=UTC)
    assert depends_on_the_moment(monthly)


def test_what_is_no_set_of_holidays_is_told_by_field() -> None:
    assert mistake_in(("DE", "BY")) is None
    assert (mistake_in(("XX", None)) or ("", ""))[0] == "country"
    assert (mistake_in(("DE", "XX")) or ("", ""))[0] == "subdivision"


@pytest.mark.parametrize(
    "window",
    [
        {},
        {"starts_at": DUE.isoformat()},
        {"cron": "0 18 * * *"},
        {"cron": "0 18 * * *", "duration_secs": 60, "ends_at": DUE.isoformat()},
        {"starts_at": DUE.isoformat(), "ends_at": DUE.isoformat()},
        {"cron": "0 18 * * *", "duration_secs": 32 * 86_400},
    ],
)
def test_a_window_is_of_one_kind(window: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Window.model_validate(window)


windows = st.lists(
    st.tuples(
        st.integers(0, 300),
        st.integers(1, 120),
        st.sampled_from(["skip", "defer"]),
        st.sampled_from(["once", "cron"]),
    ),
    max_size=5,
)


@settings(max_examples=80, deadline=None)
@given(windows, st.integers(0, 400))
def test_a_stretch_is_that_of_a_search_minute_by_minute(
    drawn: list[tuple[int, int, str, str]], offset: int
) -> None:
    start = datetime(2026, 3, 4, tzinfo=UTC)
    specs: list[dict[str, Any]] = []
    dark: dict[int, str] = {}
    for begin, length, policy, kind in drawn:
        first = start + begin * MINUTE
        if kind == "once":
            specs.append(once(first, first + length * MINUTE, policy))
        else:
            yearly = f"{first.minute} {first.hour} {first.day} {first.month} *"
            specs.append({"cron": yearly, "duration_secs": length * 60, "policy": policy})
        for minute in range(begin, begin + length):
            dark[minute] = "skip" if "skip" in (policy, dark.get(minute)) else "defer"
    found = stretch_around([calendar(windows=specs)], "UTC", start + offset * MINUTE)
    if offset not in dark:
        assert found is None
        return
    assert found is not None
    assert found.policy == dark[offset]
    if found.policy is Blackout.DEFER:
        covered = {
            minute
            for begin, length, policy, _ in drawn
            if policy == "defer"
            for minute in range(begin, begin + length)
        }
        end = next(minute for minute in range(offset, 1000) if minute not in covered)
        begin = next(minute for minute in range(offset, -2, -1) if minute not in covered) + 1
        assert (found.begin, found.end) == (start + begin * MINUTE, start + end * MINUTE)


def test_a_calendar_full_of_days_off_leaves_a_schedule_nothing() -> None:
    closed = calendar(dates=[date(2026, 1, 1) + n * timedelta(days=1) for n in range(1900)])
    daily = job(
        schedule={
            "type": "calendar",
            "value": {"anchor": "last_day", "calendars": ["freeze"], "roll": "next"},
        }
    )
    fire = next_fire(timing_of(daily, DUE, {"freeze": closed}), DUE)
    assert fire is not None
    assert fire.at > datetime(2031, 3, 1, tzinfo=UTC)


def test_a_calendar_that_can_t_be_read_keeps_its_job_from_running() -> None:
    with pytest.raises(UnreadableCalendar, match="calendar 'freeze'"):
        decide(Timer(new_id(), 1, DUE, DUE, DUE), job(), timing_of(job(), DUE), calendars={})
