"""What people are shown before they save a schedule."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tocsin_controller.scheduling.preview import preview
from tocsin_shared.errors import InvalidInput
from tocsin_shared.schedules import FireNote, Preview, PreviewRequest

NOW = datetime(2026, 3, 27, 12, 0, 0, 999, tzinfo=UTC)


def shown(schedule: object, **more: Any) -> Preview:
    return preview(PreviewRequest.model_validate({"schedule": schedule, **more}), NOW)


def cron(expression: str, **more: Any) -> Preview:
    return shown({"type": "cron", "value": expression}, **more)


def test_fires_are_shown_in_utc_and_on_the_wall_clock() -> None:
    fires = cron("0 30 8 * * 1-5", timezone="America/New_York", count=2).fires
    assert [(f.at.isoformat(), f.local, f.utc_offset) for f in fires] == [
        ("2026-03-27T12:30:00+00:00", "2026-03-27T08:30:00", "-04:00"),
        ("2026-03-30T12:30:00+00:00", "2026-03-30T08:30:00", "-04:00"),
    ]
    assert [f.explanation for f in fires] == [None, None]


def test_a_fire_moved_out_of_the_gap_is_explained() -> None:
    fire = cron("30 2 * * *", timezone="Europe/Berlin", after="2026-03-28T12:00:00Z", count=1).fires[0]
    assert (fire.local, fire.notes) == ("2026-03-29T03:00:00", [FireNote.DST_GAP])
    assert fire.explanation == (
        "The clocks go forward from 02:00:00 to 03:00:00, so what was due in between "
        "runs at the first instant after it."
    )


def test_a_repeated_time_is_explained() -> None:
    fire = cron("30 2 * * *", timezone="Europe/Berlin", after="2026-10-24T12:00:00Z", count=1).fires[0]
    assert (fire.local, fire.utc_offset, fire.notes) == (
        "2026-10-25T02:30:00",
        "+02:00",
        [FireNote.DST_FIRST],
    )
    assert fire.explanation == (
        "The clocks go back from 03:00:00 to 02:00:00, so 02:30:00 comes twice; "
        "it runs the first time and only then."
    )


def test_both_runs_of_a_repeated_time_are_explained() -> None:
    first, second = cron(
        "30 2 * * *", timezone="Europe/Berlin", dst="twice", after="2026-10-24T12:00:00Z", count=2
    ).fires
    assert first.explanation is not None
    assert first.explanation.endswith("it runs the first time and again the second time.")
    assert (second.local, second.utc_offset, second.notes) == (
        "2026-10-25T02:30:00",
        "+01:00",
        [FireNote.DST_SECOND],
    )
    assert second.explanation is not None
    assert second.explanation.endswith("this is the second time.")


def test_a_change_across_midnight_names_the_dates() -> None:
    fire = cron("0 9 * * *", timezone="Pacific/Apia", after="2011-12-29T20:00:00Z", count=1).fires[0]
    assert fire.explanation is not None
    assert "from 2011-12-30 00:00:00 to 2011-12-31 00:00:00" in fire.explanation


def test_an_interval_is_counted_from_now_on_whole_seconds() -> None:
    fires = shown({"type": "interval", "value": {"interval_secs": 90}}, count=2).fires
    assert [f.local for f in fires] == ["2026-03-27T12:01:30", "2026-03-27T12:03:00"]


@pytest.mark.parametrize(
    ("schedule", "more", "count", "note"),
    [
        ("on_demand", {}, 0, "This schedule is never due by itself; it runs when triggered."),
        ({"type": "one_shot", "value": "2026-04-01T00:00:00Z"}, {}, 1, "This schedule is due once."),
        (
            {"type": "one_shot", "value": "2020-01-01T00:00:00Z"},
            {},
            0,
            "The instant has passed; a job saved with it now runs at once.",
        ),
        (
            {"type": "cron", "value": "@daily"},
            {"expires_at": "2026-03-29T12:00:00Z"},
            2,
            "Nothing more is due before it expires at 2026-03-29 12:00:00 UTC.",
        ),
        (
            {"type": "cron", "value": "@yearly"},
            {"after": "9998-06-01T00:00:00Z"},
            1,
            "Nothing more is due before the year 10000.",
        ),
        ({"type": "cron", "value": "@daily"}, {}, 10, None),
    ],
)
def test_fewer_fires_than_asked_for_come_with_a_sentence(
    schedule: object, more: dict[str, str], count: int, note: str | None
) -> None:
    answer = shown(schedule, **more)
    assert (len(answer.fires), answer.note) == (count, note)


def test_mistakes_are_refused_as_when_saving() -> None:
    with pytest.raises(InvalidInput) as caught:
        cron("61 * * * *", timezone="Nowhere/Land")
    assert [detail.field for detail in caught.value.details] == ["timezone", "schedule.value"]
    assert caught.value.details[1].reason == "minute (field 1, column 1): '61' is outside 0-59"


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Etc/GMT+12"])
def test_the_end_of_time_can_be_told_everywhere(zone: str) -> None:
    last = {"timezone": zone, "name": "j", "jitter_secs": 86_400, "expires_at": "9999-12-31T23:59:59.999999Z"}
    (fire,) = shown({"type": "one_shot", "value": "9999-12-20T00:00:00Z"}, **last).fires
    assert fire.starts_at is not None
    assert fire.starts_at >= fire.at
    assert shown(
        {"type": "interval", "value": {"interval_secs": 86_400}}, after="9999-12-18T12:00:00Z", **last
    ).fires
    with pytest.raises(InvalidInput, match=r"schedule\.value: must not be later than 9999-12-20"):
        shown({"type": "one_shot", "value": "9999-12-31T23:59:59.999999Z"}, **last)
