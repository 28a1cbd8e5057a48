"""Which timings are refused, with the field and the reason."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tocsin_controller.scheduling.checking import check_timing
from tocsin_controller.scheduling.timing import Cron, Every, Once, OnDemand, Rule, Timing
from tocsin_controller.scheduling.zones import load_zone
from tocsin_shared.errors import InvalidInput

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def problems(
    rule: Rule,
    *,
    timezone: str = "UTC",
    starts_at: datetime | None = None,
    expires_at: datetime | None = None,
) -> dict[str, str]:
    """The reason by field; empty when the timing is fine."""
    timing = Timing(rule=rule, anchor=NOW, timezone=timezone, starts_at=starts_at, expires_at=expires_at)
    try:
        check_timing(timing, now=NOW)
    except InvalidInput as error:
        return {detail.field: detail.reason for detail in error.details}
    return {}


@pytest.mark.parametrize("rule", [Cron("@daily"), Cron("0 0 29 2 *"), Every(1), Once(NOW + DAY), OnDemand()])
def test_ordinary_timings_are_fine(rule: Rule) -> None:
    assert problems(rule) == {}
    assert problems(rule, timezone="America/New_York", starts_at=NOW - DAY, expires_at=NOW + 1000 * DAY) == {}


def test_a_mistake_in_a_cron_expression_is_told_with_its_place() -> None:
    assert problems(Cron("0 30 25 * * *")) == {
        "schedule.value": "hour (field 3, column 6): '25' is outside 0-23"
    }


def test_a_date_that_never_comes_is_refused() -> None:
    assert problems(Cron("0 0 30 2 *")) == {
        "schedule.value": "'0 0 30 2 *' never comes: no month has such a day"
    }


@pytest.mark.parametrize(
    "name",
    ["", ".", " UTC", "UTC+3", "Mars/Olympus", "../../etc/passwd", "/etc/passwd", "Europe", "Europe/",
     "x" * 1000, "localtime", "posixrules", "zone.tab", "Europe/Berlin\x00", "europe/berlin"],
)  # fmt: skip
def test_unknown_zones_are_refused(name: str) -> None:
    reason = problems(Cron("@daily"), timezone=name)["timezone"]
    assert len(reason) < 200


def test_an_unknown_zone_opens_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    load_zone("UTC")

    def refuse(*args: object, **kwargs: object) -> None:
        pytest.fail(f"opened {args}")

    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr("io.open", refuse)
    monkeypatch.setattr(Path, "open", refuse)
    assert "timezone" in problems(Cron("@daily"), timezone="../../../etc/passwd")


def test_a_misspelt_zone_is_answered_with_a_guess() -> None:
    reason = problems(Cron("@daily"), timezone="Europe/Berln")["timezone"]
    assert reason == "'Europe/Berln' is not a known time zone; did you mean Europe/Berlin?"


def test_all_mistakes_are_told_at_once() -> None:
    found = problems(Cron("x"), timezone="nowhere", starts_at=NOW + 2 * DAY, expires_at=NOW + DAY)
    assert set(found) == {"schedule.value", "timezone", "expires_at"}


@pytest.mark.parametrize("expires_at", [NOW + DAY, NOW])
def test_a_window_must_end_after_it_starts(expires_at: datetime) -> None:
    found = problems(Cron("@daily"), starts_at=NOW + DAY, expires_at=expires_at)
    assert found == {"expires_at": "must be later than starts_at"}


def test_a_window_that_is_over_is_refused() -> None:
    found = problems(Cron("@daily"), starts_at=NOW - 2 * DAY, expires_at=NOW - DAY)
    assert found == {"expires_at": "2026-05-31T12:00:00Z has already passed"}


@pytest.mark.parametrize("rule", [Cron("0 0 1 1 *"), Every(2 * 86_400)])
def test_a_window_in_which_nothing_is_due_is_refused(rule: Rule) -> None:
    assert problems(rule, expires_at=NOW + DAY) == {
        "expires_at": "the schedule is not due once before 2026-06-02T12:00:00Z"
    }


def test_a_one_shot_in_the_past_is_fine() -> None:
    assert problems(Once(NOW - 400 * DAY)) == {}


def test_a_one_shot_outside_its_window_is_refused() -> None:
    assert problems(Once(NOW), starts_at=NOW + DAY) == {
        "schedule.value": "2026-06-01T12:00:00Z is before starts_at, so it would never be due"
    }
    assert problems(Once(NOW + 2 * DAY), expires_at=NOW + DAY) == {
        "schedule.value": "2026-06-03T12:00:00Z is after expires_at, so it would never be due"
    }


def test_an_interval_of_nothing_is_refused() -> None:
    assert problems(Every(0)) == {"schedule.value.interval_secs": "must be at least 1"}
